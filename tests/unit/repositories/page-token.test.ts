import { expect } from 'chai';
import { decodePageToken, encodePageToken, PageTokenError } from '../../../src/repositories/page-token.js';

const QUERY = ['documents', 'collections/notes'];

describe('decodePageToken()', () => {
  it('gives back where the page before ended', () => {
    for (const id of ['collections/notes/documents/a', 'ü/\u{1f600}']) {
      expect(decodePageToken(QUERY, encodePageToken(QUERY, id))).to.equal(id);
    }
  });

  it('takes an empty token as the first page', () => {
    expect(decodePageToken(QUERY, '')).to.equal(undefined);
  });

  it('refuses the token of another query', () => {
    const token = encodePageToken(['documents', 'collections/other'], 'x');

    expect(() => decodePageToken(QUERY, token)).to.throw(PageTokenError, 'belongs to another query');
  });

  for (const token of ['x', 'not base64!', 'AAAA', `${encodePageToken(QUERY, 'x')}=`, ' ']) {
    it(`refuses "${token}"`, () => {
      expect(() => decodePageToken(QUERY, token)).to.throw(PageTokenError, 'is not a token of this server');
    });
  }
});
