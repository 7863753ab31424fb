import type { Words } from './words.js';

/**
 * Fills in the words of a template: `{{word}}` is replaced, and the lines between `{{#word}}` and `{{/word}}` stay where
 * the word is not empty. Throws TypeError for a word that is not known.
 */
export function fillTemplate(template: string, words: Words): string {
  const wordOf = (name: string): string => {
    const word = words[name];
    if (word === undefined) throw new TypeError(`A template asks for "${name}", which is no word of a service`);
    return word;
  };
  return template
    .replaceAll(/^\{\{#(\w+)\}\}\n([\s\S]*?)^\{\{\/\1\}\}\n/gm, (_all, name: string, lines: string) =>
      wordOf(name) === '' ? '' : lines,
    )
    .replaceAll(/\{\{([A-Za-z][A-Za-z -]*)\}\}/g, (_all, name: string) => wordOf(name));
}
