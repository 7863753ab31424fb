import { expect } from 'chai';
import { parseTemplate, TemplateError } from '../../../../src/gateway/routes/template.js';

/** Writes a template the way a router sees it, and its variables with the segments they take. */
function show(text: string): string {
  const { segments, variables, verb } = parseTemplate(text);
  const marks = { one: '*', many: '**' };
  const path = segments.map((segment) => (segment.kind === 'literal' ? segment.text : marks[segment.kind])).join('/');
  const bound = variables.map(({ fieldPath, start, end, isSingleSegment }) => {
    return ` ${fieldPath.join('.')}=${start}..${end ?? ''}${isSingleSegment ? ' single' : ''}`;
  });
  return `/${path}${verb === undefined ? '' : `:${verb}`}${bound.join('')}`;
}

describe('parseTemplate()', () => {
  const valid: readonly (readonly [template: string, shown: string])[] = [
    ['/', '/'],
    ['/v1', '/v1'],
    ['/v1/things', '/v1/things'],
    ['/v1/{id}', '/v1/* id=1..2 single'],
    ['/v1/{id=*}', '/v1/* id=1..2 single'],
    ['/v1/{name=**}', '/v1/** name=1..'],
    ['/v1/{name=things/*}', '/v1/things/* name=1..3'],
    ['/v1/{name=things}', '/v1/things name=1..2'],
    ['/v1/{name=a/*/b/**}', '/v1/a/*/b/** name=1..'],
    ['/v1/{a.b_c.d2}/x', '/v1/*/x a.b_c.d2=1..2 single'],
    ['/v1/{a}/{b}', '/v1/*/* a=1..2 single b=2..3 single'],
    ['/v1/*/x/**', '/v1/*/x/**'],
    ['/{name=**}', '/** name=0..'],
    ['/v1/things:get', '/v1/things:get'],
    ['/v1/{name=things/*}:cancel', '/v1/things/*:cancel name=1..3'],
    ['/v1/{name=**}:cancel', '/v1/**:cancel name=1..'],
    ['/v1/a:b/c', '/v1/a:b/c'],
    ['/v1/a:b:c', '/v1/a:b:c'],
    ['/v1/%C3%A4%2Fb', '/v1/ä/b'],
    ["/v1/a-b_c.d~e!f$g&h'(i)+j,k;l=m@n", "/v1/a-b_c.d~e!f$g&h'(i)+j,k;l=m@n"],
  ];
  for (const [template, shown] of valid) {
    it(`reads ${template}`, () => {
      expect(show(template)).to.equal(shown);
    });
  }

  const invalid: readonly (readonly [template: string, why: string])[] = [
    ['', 'it must begin with "/"'],
    ['v1/things', 'it must begin with "/"'],
    ['//', 'an empty segment or verb can never match'],
    ['/v1/', 'an empty segment or verb can never match'],
    ['/v1//things', 'an empty segment or verb can never match'],
    ['/v1/things:', 'an empty segment or verb can never match'],
    ['/v1/{name=}', 'an empty segment or verb can never match'],
    ['/v1/{}', '"" is not the path of a field'],
    ['/v1/{a..b}', '"a..b" is not the path of a field'],
    ['/v1/{1a}', '"1a" is not the path of a field'],
    ['/v1/{a-b}', '"a-b" is not the path of a field'],
    ['/v1/{a', '"{" has no "}" after it'],
    ['/v1/a}', '"}" has no "{" before it'],
    ['/v1/{a={b}}', 'a variable must not hold another variable'],
    ['/v1/{a}-{b}', '"{a}-{b}" must be a variable and nothing else'],
    ['/v1/{a}b', '"{a}b" must be a variable and nothing else'],
    ['/v1/x{a}', '"x{a}" holds a character that a path must percent-encode'],
    ['/v1/a*', '"*" must stand alone between slashes, not as in "a*"'],
    ['/v1/***', '"*" must stand alone between slashes, not as in "***"'],
    ['/v1/**/things', '"**" must be the last part of the path'],
    ['/v1/{name=**}/things', '"**" must be the last part of the path'],
    ['/v1/{name=**/a}', '"**" must be the last part of the path'],
    ['/v1/{a}/{a}', 'the variable "a" stands in it twice'],
    ['/v1/a b', '"a b" holds a character that a path must percent-encode'],
    ['/v1/a?b', '"a?b" holds a character that a path must percent-encode'],
    ['/v1/ä', '"ä" holds a character that a path must percent-encode'],
    ['/v1/a%2', '"a%2" holds a character that a path must percent-encode'],
    ['/v1/a%FF', '"a%FF" is not percent-encoded UTF-8'],
  ];
  for (const [template, why] of invalid) {
    it(`refuses ${template === '' ? 'an empty template' : template}`, () => {
      expect(() => parseTemplate(template)).to.throw(TemplateError, `Path template "${template}" is not valid: ${why}`);
    });
  }
});
