import { expect } from 'chai';
import { FilterError } from '../../../../src/repositories/filter/filter-error.js';
import {
  FILTER_DEPTH_MAX,
  FILTER_LENGTH_MAX,
  FILTER_TERMS_MAX,
  PATH_NAMES_MAX,
} from '../../../../src/repositories/filter/limits.js';
import { parseFilter } from '../../../../src/repositories/filter/parser.js';
import type { Syntax } from '../../../../src/repositories/filter/syntax.js';

describe('parseFilter()', () => {
  const cases: Readonly<Record<string, string>> = {
    '': '-',
    '  \t\n': '-',
    'a = 1': 'a = 1',
    'a=1': 'a = 1',
    'a = 1 AND b = 2': '(a = 1 and b = 2)',
    'a = 1 b = 2': '(a = 1 and b = 2)',
    'a = 1 b = 2 AND c = 3': '(a = 1 and b = 2 and c = 3)',
    'a = 1 AND b = 2 OR c = 3': '(a = 1 and (b = 2 or c = 3))',
    'a = 1 OR b = 2 OR c = 3': '(a = 1 or b = 2 or c = 3)',
    '(a = 1 AND b = 2) OR c = 3': '((a = 1 and b = 2) or c = 3)',
    'NOT a = 1': 'not a = 1',
    '-a = 1': 'not a = 1',
    '-(a = 1 b = 2)': 'not (a = 1 and b = 2)',
    '-"a b":1': 'not a b : 1',
    'NOT (a = 1)': 'not a = 1',
    'a.b.c != x': 'a.b.c != x',
    'a."b.c".`d``e` : *': 'a.b.c.d`e : *',
    'a.AND = 1': 'a.AND = 1',
    'a >= -30': 'a >= -30',
    'a = 2.5': 'a = 2.5',
    'a = -1.5e-3': 'a = -1.5e-3',
    'a <= 20.5s': 'a <= 20.5s',
    'a = x.y': 'a = x.y',
    'a < 2012-04-21T11:30:00-04:00': 'a < 2012-04-21T11:30:00-04:00',
    'a < 2012-04-21T11:30:00.25Z AND b = 1': '(a < 2012-04-21T11:30:00.25Z and b = 1)',
    'a = "say \\"hi\\" \\\\ \\n"': 'a = say "hi" \\ \n',
    "a = 'single'": 'a = single',
    'a = "NOT"': 'a = NOT',
    'a:(b OR c)': 'a : (b or c)',
    'a = (b AND -c)': 'a = (b and not c)',
    'a = é\u{1f600}': 'a = é\u{1f600}',
    nothing: 'nothing',
    'two words': '(two and words)',
  };
  for (const [filter, expected] of Object.entries(cases)) {
    it(`reads ${JSON.stringify(filter)}`, () => {
      const syntax = parseFilter(filter);
      expect(syntax === undefined ? '-' : show(syntax)).to.equal(expected);
    });
  }

  it('keeps escaped asterisks apart from wildcards', () => {
    const syntax = parseFilter('a = "x\\**y"');
    expect(syntax).to.have.nested.property('argument.pieces').that.deep.equals(['x*', 'y']);
  });

  const refused: readonly [filter: string, position: number, problem: string][] = [
    ['a =', 3, 'expected a value, found the end'],
    ['= 1', 0, 'expected a field name, found "="'],
    ['a = 1 AND', 9, 'expected a field name, found the end'],
    ['a = 1 AND AND b = 1', 10, 'expected a field name, found "AND"'],
    ['OR a = 1', 0, 'expected a field name, found "OR"'],
    ['NOT', 3, 'expected a field name'],
    ['NOT NOT a = 1', 4, 'expected a field name, found "NOT"'],
    ['(a = 1', 6, 'expected AND, OR or ")" for the "(" at position 0'],
    ['a = 1)', 5, 'expected AND, OR or the end, found ")"'],
    ['()', 1, 'expected a field name, found ")"'],
    ['a = "open', 9, 'expected " that ends the text at position 4'],
    ['a = "\\x"', 5, 'behind the backslash'],
    ['a. = 1', 3, 'expected a name behind "."'],
    ['.a = 1', 0, 'expected a field name'],
    ['a = 1 = 2', 6, 'expected a field name, found "="'],
    ['a == 1', 3, 'expected a value, found "="'],
    ['a = 1(b = 2)', 5, 'expected a comparator: there are no functions'],
    ['size(a) = 1', 4, 'expected a comparator: there are no functions'],
    ['a = now()', 7, 'expected a comparator: there are no functions'],
    ['a = 1"b"', 5, 'expected AND, OR or the end'],
    ['- a = 1', 1, 'expected a comparison right behind "-"'],
    ['a = 1, b = 2', 5, 'expected AND, OR or the end'],
    ['a = \ud800', 0, 'half a surrogate pair'],
    ['a = "\0"', 5, 'found a NUL'],
    [`${'('.repeat(FILTER_DEPTH_MAX + 1)}a = 1${')'.repeat(FILTER_DEPTH_MAX + 1)}`, FILTER_DEPTH_MAX, 'parentheses'],
    [Array.from({ length: FILTER_TERMS_MAX + 1 }, () => 'a = 1').join(' '), FILTER_TERMS_MAX * 6, 'comparisons'],
    ['a'.repeat(FILTER_LENGTH_MAX + 1), FILTER_LENGTH_MAX, 'expected the end'],
    [`${'a.'.repeat(PATH_NAMES_MAX)}a = 1`, PATH_NAMES_MAX * 2 + 2, 'names in a path'],
  ];
  for (const [filter, position, problem] of refused) {
    it(`refuses ${JSON.stringify(filter.slice(0, 40))} at position ${position}`, () => {
      expect(() => parseFilter(filter))
        .to.throw(FilterError, problem)
        .with.property('position', position);
    });
  }

  it('takes a time that grows with the length, whatever the filter is', () => {
    const nasty = ['(', ')', '"', '\\', '*', '-', '.', ':', ' ', '`', '1', '2012-04-21T', 'NOT ', 'a OR ', 'a.'];
    for (const piece of nasty) {
      const filter = piece.repeat(Math.floor(FILTER_LENGTH_MAX / piece.length));
      const began = performance.now();
      try {
        parseFilter(filter);
      } catch (err) {
        expect(err).to.be.instanceOf(FilterError);
      }
      expect(performance.now() - began, piece).to.be.lessThan(200);
    }
  });
});

function show(syntax: Syntax): string {
  switch (syntax.kind) {
    case 'and':
    case 'or':
      return `(${syntax.operands.map(show).join(` ${syntax.kind} `)})`;
    case 'not':
      return `not ${show(syntax.operand)}`;
    case 'bare':
      return syntax.literal.text;
    case 'restriction': {
      const { argument, comparator, path } = syntax;
      const shown = argument.kind === 'literal' ? argument.text : show(argument.syntax);
      return `${path.map(({ name }) => name).join('.')} ${comparator} ${shown}`;
    }
  }
}
