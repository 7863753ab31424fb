import { expect } from 'chai';
import fc from 'fast-check';
import { parseQuery } from '../../../../src/gateway/http/query.js';
import { readVariable, splitPath, splitTarget } from '../../../../src/gateway/routes/request-target.js';
import { parseTemplate } from '../../../../src/gateway/routes/template.js';
import { seed } from '../../../support/seed.js';

/** What clients have been seen to lose: each was a bug of some gateway. */
const EXAMPLES = [
  '',
  '/',
  '%',
  ':',
  '+',
  '#',
  '?',
  ';',
  '%2F',
  '%2f',
  '%2523',
  'a/b',
  'a%2Fb',
  '..',
  '.',
  'ä',
  '😀',
  'a:b',
  '\0',
  ' ',
];

const anyText = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc.array(fc.constantFrom(...EXAMPLES)).map((parts) => parts.join('')),
);

/** Expands a variable of one segment as google/api/http.proto asks of clients. */
function expandSingle(value: string): string {
  return encodeURIComponent(value).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Expands a variable of many segments: the slash stays. */
function expandMulti(value: string): string {
  return value.split('/').map(expandSingle).join('/');
}

function readBack(template: string, path: string): string | undefined {
  const [variable] = parseTemplate(template).variables;
  const segments = splitPath(path);
  return segments && variable && readVariable(variable, segments);
}

describe('readVariable()', () => {
  it('gives any text back that a client put into a variable of one segment', () => {
    const property = fc.property(anyText, (value) => readBack('/v1/{a}/x', `/v1/${expandSingle(value)}/x`) === value);
    fc.assert(property, { seed: seed(), numRuns: 2000, examples: EXAMPLES.map((value) => [value]) });
  });

  it('gives any text back that a client put into a variable of many segments', () => {
    const property = fc.property(anyText, (value) => readBack('/v1/{a=**}', `/v1/${expandMulti(value)}`) === value);
    fc.assert(property, { seed: seed(), numRuns: 2000, examples: EXAMPLES.map((value) => [value]) });
  });

  it('keeps an escaped slash in a variable of many segments, in either case', () => {
    expect(readBack('/v1/{a=**}', '/v1/a%2Fb/c%2fd%20e')).to.equal('a%2Fb/c%2fd e');
    expect(readBack('/v1/{a=files/*}', '/v1/files/a%2Fb')).to.equal('files/a%2Fb');
    expect(readBack('/v1/{a}', '/v1/a%2Fb')).to.equal('a/b');
  });

  it('gives nothing for ** that matches no segment', () => {
    expect(readBack('/v1/{a=**}', '/v1')).to.equal('');
    expect(readBack('/v1/{a=files/**}', '/v1/files')).to.equal('files');
  });
});

describe('parseQuery()', () => {
  it('gives any text back that a client put into a value', () => {
    const property = fc.property(anyText, anyText, (one, other) => {
      const { parameters } = parseQuery(`a=${encodeURIComponent(one)}&b=${expandSingle(other)}`);
      return parameters[0]?.value === one && parameters[1]?.value === other;
    });
    fc.assert(property, { seed: seed(), numRuns: 2000 });
  });

  it('gives any text back that a browser put into a value', () => {
    const property = fc.property(anyText, (value) => {
      return parseQuery(new URLSearchParams({ a: value }).toString()).parameters[0]?.value === value;
    });
    fc.assert(property, { seed: seed(), numRuns: 2000 });
  });

  it('splits at & only and at the first =', () => {
    const { parameters } = parseQuery('a=b=c&&d&e=;f=1');
    expect(parameters).to.deep.equal([
      { name: 'a', value: 'b=c' },
      { name: 'd', value: '' },
      { name: 'e', value: ';f=1' },
    ]);
  });

  it('reports what is not percent-encoded UTF-8', () => {
    for (const query of ['a=%', 'a=%zz', 'a=%ff', '%=1']) expect(parseQuery(query).violations).to.have.length(1);
  });
});

describe('splitTarget()', () => {
  it('cuts the origin form and the absolute form', () => {
    expect(splitTarget('/a?b?c')).to.deep.equal({ path: '/a', query: 'b?c' });
    expect(splitTarget('http://host:1/a?b')).to.deep.equal({ path: '/a', query: 'b' });
    expect(splitTarget('http://host?b')).to.deep.equal({ path: '/', query: 'b' });
    expect(splitTarget('*')).to.equal(undefined);
  });
});

describe('splitPath()', () => {
  it('refuses escapes that are cut off, no hexadecimal or no UTF-8', () => {
    for (const path of ['/%', '/%2', '/%zz', '/%ff', '/%C3', '/a/%ED%A0%80'])
      expect(splitPath(path)).to.equal(undefined);
  });

  it('counts empty segments', () => {
    expect(splitPath('/a//b/')?.raw).to.deep.equal(['a', '', 'b', '']);
    expect(splitPath('/')?.raw).to.deep.equal(['']);
  });
});
