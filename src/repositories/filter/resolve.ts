import { EVERYTHING, type Comparator, type Condition, type Field, type Leaf } from '../../store/query/condition.js';
import { FilterError } from './filter-error.js';
import { WILDCARDS_MAX } from './limits.js';
import { readLiteral } from './literals.js';
import { parseFilter } from './parser.js';
import { describeType, isOrdered, type FieldType, type Schema } from './schema.js';
import type { Argument, Literal, Restriction, Syntax } from './syntax.js';
import { findTarget, type Target } from './target.js';

/**
 * Makes a filter (AIP-160) a condition on documents with these fields. docs/resources.md decides what it means. Throws
 * FilterError, which says where and what was expected. The empty filter finds everything.
 */
export function compileFilter(filter: string, schema: Schema): Condition {
  const syntax = parseFilter(filter);
  return syntax === undefined ? EVERYTHING : resolve(syntax, schema);
}

function resolve(syntax: Syntax, schema: Schema): Condition {
  switch (syntax.kind) {
    case 'and':
    case 'or':
      return { kind: syntax.kind, conditions: syntax.operands.map((operand) => resolve(operand, schema)) };
    case 'not':
      return not(resolve(syntax.operand, schema));
    case 'bare':
      throw new FilterError(
        syntax.literal.position,
        `expected a comparison such as ${syntax.literal.text.slice(0, 40) || 'name'} = "x": a text alone is not searched for`,
      );
    case 'restriction':
      return resolveRestriction(syntax, schema);
  }
}

function resolveRestriction(restriction: Restriction, schema: Schema): Condition {
  const { comparator, argument } = restriction;
  const target = findTarget(restriction.path, schema, comparator === ':');
  return resolveArgument(argument, (literal) => {
    if (comparator === ':') return resolveHas(target, literal);
    return resolveComparison(target, comparator, literal);
  });
}

/** Applies a comparison to each literal of `(a OR b)`. */
function resolveArgument(argument: Argument, apply: (literal: Literal) => Condition): Condition {
  if (argument.kind === 'literal') return apply(argument);
  const visit = (syntax: Syntax): Condition => {
    switch (syntax.kind) {
      case 'and':
      case 'or':
        return { kind: syntax.kind, conditions: syntax.operands.map(visit) };
      case 'not':
        return not(visit(syntax.operand));
      case 'bare':
        return apply(syntax.literal);
      case 'restriction':
        throw new FilterError(argument.position, 'expected values only inside these parentheses, found a comparison');
    }
  };
  return visit(argument.syntax);
}

function resolveComparison({ field, type, name }: Target, comparator: string, literal: Literal): Condition {
  assertComparable(type, literal, name);
  if (comparator === '=' || comparator === '!=') {
    const equals = equality(field, type, literal);
    // Nothing is not unequal to anything: what is not there is found by NOT.
    return comparator === '=' ? equals : and([{ kind: 'present', field }, not(equals)]);
  }
  if (!isOrdered(type))
    throw new FilterError(literal.position, `expected = or != with "${name}", which is ${describeType(type)}`);
  const value = readValue(type, literal, name);
  if (typeof value !== 'string' && typeof value !== 'number')
    throw new FilterError(literal.position, `expected a string or a number behind "${comparator}"`);
  return { kind: 'compare', field, comparator: comparator as Comparator, value };
}

function assertComparable(type: FieldType, literal: Literal, name: string): void {
  if (type.kind === 'list' || type.kind === 'map')
    throw new FilterError(literal.position, `expected ":" with "${name}", which is ${describeType(type)}`);
  if (type.kind === 'message')
    throw new FilterError(literal.position, `expected a field of "${name}", which is a message, or ":*"`);
}

function equality(field: Field, type: FieldType, literal: Literal): Leaf {
  if (!isPattern(type, literal)) {
    return { kind: 'compare', field, comparator: '=', value: readValue(type, literal, literal.text) };
  }
  return { kind: 'match', field, pieces: literal.pieces };
}

function resolveHas(target: Target, literal: Literal): Condition {
  const { type, keys, field } = target;
  if (isAnything(literal)) return keys === undefined ? { kind: 'present', field } : has(keys, { kind: 'any' });
  if (keys === undefined) return resolveComparison(target, '=', literal);
  const tested = type.kind === 'list' ? type.element : type;
  const { pieces, text } = literal;
  switch (tested.kind) {
    case 'message':
      if (!tested.fields.has(text))
        throw new FilterError(literal.position, `expected a field of "${target.name}", found "${text}"`);
      return has(keys, { kind: 'element', key: text });
    case 'map':
      return has(keys, { kind: 'element', key: text });
    case 'json':
      if (isPattern(tested, literal)) return has(keys, { kind: 'element', pieces });
      return has(keys, { kind: 'element', value: readValue(tested, literal, target.name), key: text });
    default:
      if (isPattern(tested, literal)) return has(keys, { kind: 'element', pieces });
      return has(keys, { kind: 'element', value: readValue(tested, literal, target.name) });
  }
}

function readValue(type: FieldType, { text, quoted, position, pieces }: Literal, name: string) {
  // An asterisk that was escaped is not between two pieces.
  const value = readLiteral(pieces.join('*'), { quoted, type });
  if (value === undefined)
    throw new FilterError(position, `expected ${describeType(type)} for "${name}", found "${text}"`);
  return value;
}

function isPattern(type: FieldType, { pieces, position }: Literal): boolean {
  if (pieces.length <= 1) return false;
  if (pieces.length - 1 > WILDCARDS_MAX)
    throw new FilterError(position, `expected at most ${WILDCARDS_MAX} wildcards in one text`);
  return type.kind === 'string' || type.kind === 'json';
}

/** `*` alone, and not in quotes. */
function isAnything({ text, quoted }: Literal): boolean {
  return !quoted && text === '*';
}

function has(keys: readonly string[], test: Extract<Leaf, { kind: 'has' }>['test']): Condition {
  return { kind: 'has', keys, test };
}

function and(conditions: readonly Condition[]): Condition {
  return { kind: 'and', conditions };
}

function not(condition: Condition): Condition {
  return { kind: 'not', condition };
}
