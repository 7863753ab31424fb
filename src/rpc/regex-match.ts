import { RE2JS } from 're2js';
import { toLinearRegExp } from './linear-pattern.js';

/** How many patterns are held compiled. Those of contracts are few; a rule may also make some out of what it judges. */
const PATTERNS_MAX = 1024;

/**
 * Makes the matcher of the patterns that contracts state, which are RE2's. Those that the engine of the language matches in linear
 * time as well go there, at a tenth of the cost. Throws for what is no pattern.
 */
export function createRegexMatch(): (pattern: string, text: string) => boolean {
  const compiled = new Map<string, Pick<RegExp, 'test'>>();
  return (pattern, text) => {
    let matcher = compiled.get(pattern);
    if (matcher === undefined) {
      if (compiled.size >= PATTERNS_MAX) compiled.clear();
      matcher = toLinearRegExp(pattern) ?? RE2JS.compile(pattern);
      compiled.set(pattern, matcher);
    }
    return matcher.test(text);
  };
}
