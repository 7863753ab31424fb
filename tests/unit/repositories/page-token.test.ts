import { expect } from 'chai';
import { decodePageToken, encodePageToken, PageTokenError } from '../../../src/repositories/page-token.js';

const QUERY = ['documents', 'collections/notes'];

describe('decodePageToken()', () => {
  it('gives back where the page before ended', () => {
    const keys = [
      { rank: 4, scalar: -1.5 },
      { rank: 5, scalar: 'é"\u{1f600}' },
    ];
    for (const id of ['collections/notes/documents/a', 'ü/\u{1f600}']) {
      expect(decodePageToken(QUERY, encodePageToken(QUERY, { id, keys }))).to.deep.equal({ id, keys });
    }
  });

  it('takes an empty token as the first page', () => {
    expect(decodePageToken(QUERY, '')).to.equal(undefined);
  });

  it('refuses the token of another query', () => {
    const token = encodePageToken(['documents', 'collections/other'], { id: 'x', keys: [] });

    expect(() => decodePageToken(QUERY, token)).to.throw(PageTokenError, 'belongs to another query');
  });

  for (const token of ['x', 'not base64!', 'AAAA', `${encodePageToken(QUERY, { id: 'x', keys: [] })}=`, ' ']) {
    it(`refuses "${token}"`, () => {
      expect(() => decodePageToken(QUERY, token)).to.throw(PageTokenError, 'is not a token of this server');
    });
  }

  for (const content of ['', '{}', '[]', '[""]', '[1]', '["x",1]', '["x",[1]]', '["x",["a","b"]]', '["x",[1,null]]']) {
    it(`refuses a token for this query that holds ${content || 'nothing'}`, () => {
      const made = Buffer.from(encodePageToken(QUERY, { id: 'x', keys: [] }), 'base64url');
      const token = Buffer.concat([made.subarray(0, 12), Buffer.from(content)]).toString('base64url');

      expect(() => decodePageToken(QUERY, token)).to.throw(PageTokenError, 'is not a token of this server');
    });
  }
});
