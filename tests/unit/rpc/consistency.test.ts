import { expect } from 'chai';
import { Idempotency } from '../../../gen/keelson/options/v1/options.js';
import { encodeToken } from '../../../src/rpc/consistency-token.js';
import { ConsistencyOfCall, createTokenWriter } from '../../../src/rpc/consistency.js';
import { ServiceError } from '../../../src/rpc/errors.js';
import { CallMetadata } from '../../../src/rpc/metadata.js';
import { OPEN_POLICY } from '../../support/call-fixture.js';
import type { Consistency, Policy } from '../../../src/rpc/policy.js';

const DATABASE = '4c2f9d9e-55a8-4a52-9b8e-3d1c6f0d7a11';
const OTHER = '4c2f9d9e-55a8-4a52-9b8e-3d1c6f0d7a12';
const SEEN_7 = encodeToken({ databaseId: DATABASE, revision: 7 });
const FOREIGN = encodeToken({ databaseId: OTHER, revision: 7 });

describe('the consistency of a call', () => {
  describe('freshness', () => {
    for (const { asks, byDefault, expected } of [
      { asks: {}, expected: 'latest' },
      { asks: { word: 'linearizable', token: SEEN_7 }, expected: 'latest' },
      { asks: { word: 'at-least', token: SEEN_7 }, expected: 7 },
      { asks: { word: 'at-least' }, expected: 'latest' },
      { asks: { word: 'any', token: SEEN_7 }, expected: 'any' },
      { asks: { token: SEEN_7 }, expected: 'latest' },
      { asks: { token: SEEN_7 }, byDefault: 'at-least', expected: 7 },
      { asks: {}, byDefault: 'at-least', expected: 'latest' },
      { asks: { token: FOREIGN }, byDefault: 'at-least', expected: 'latest' },
      { asks: {}, byDefault: 'any', expected: 'any' },
      { asks: { word: 'linearizable' }, byDefault: 'any', expected: 'latest' },
      { asks: { word: 'linearizable', token: FOREIGN }, expected: 'latest' },
    ] as const satisfies Case[]) {
      it(`is ${expected} for ${describeAsked(asks)} where the contract says ${byDefault ?? 'nothing'}`, () => {
        const call = aCall(asks, { byDefault });

        call.admit();

        expect(call.freshness).to.equal(expected);
      });
    }

    it('is latest for a change, whatever its caller would put up with', () => {
      const call = aCall({ word: 'any' }, { idempotency: Idempotency.IDEMPOTENCY_REQUEST_ID });

      call.admit();

      expect(call.freshness).to.equal('latest');
    });

    it('is what the process has caught up with, once it has since the call began', () => {
      const call = aCall({});
      call.admit();

      call.caughtUp(9);
      call.caughtUp(12);

      expect(call.freshness).to.equal(9);
    });

    it('stays latest for a change and for a stream, and what is less than latest stays as it is', () => {
      const change = aCall({}, { idempotency: Idempotency.IDEMPOTENCY_REQUEST_ID });
      const stream = aCall({}, { methodKind: 'server_streaming' });
      const modest = aCall({ word: 'any' });
      for (const call of [change, stream, modest]) {
        call.admit();
        call.caughtUp(9);
      }

      expect([change.freshness, stream.freshness, modest.freshness]).to.deep.equal(['latest', 'latest', 'any']);
    });

    it('judges no token where no database is behind the process', () => {
      const metadata = new CallMetadata();
      metadata.add('x-consistency', 'at-least');
      metadata.add('x-consistency-token', SEEN_7);
      const call = new ConsistencyOfCall(
        { policy: OPEN_POLICY, descriptor: { methodKind: 'unary' } },
        metadata,
        undefined,
      );

      call.admit();

      expect(new Map(call.carriedOn())).to.deep.equal(new Map([['x-consistency-token', SEEN_7]]));
    });

    for (const { asks, says } of [
      { asks: { word: 'ANY' }, says: 'is "ANY", expected one of linearizable, at-least, any' },
      { asks: { word: '' }, says: 'expected one of' },
      { asks: { token: '17' }, says: 'is no token' },
      { asks: { word: 'any', token: '' }, says: 'is no token' },
      { asks: { word: 'at-least', token: FOREIGN }, says: 'is of another database' },
    ]) {
      it(`refuses ${describeAsked(asks)}`, () => {
        expect(() => aCall(asks).admit())
          .to.throw(ServiceError, says)
          .with.property('reason', 'CONSISTENCY_INVALID');
      });
    }
  });

  describe('the token of the answer', () => {
    it('is there only if the call saw something', () => {
      expect(aCall({ token: SEEN_7 }).answerToken()).to.equal(undefined);
    });

    it('stands for the highest revision that the call saw, also through calls made for it', () => {
      const call = aCall({});

      call.saw(9);
      call.saw(3);
      expect(call.answerToken()).to.equal(encodeToken({ databaseId: DATABASE, revision: 9 }));

      call.sawToken(encodeToken({ databaseId: DATABASE, revision: 12 }));
      call.sawToken(encodeToken({ databaseId: OTHER, revision: 99 }));
      call.sawToken('nonsense');
      expect(call.answerToken()).to.equal(encodeToken({ databaseId: DATABASE, revision: 12 }));
    });
  });

  describe('what calls made for it carry on', () => {
    it('is the newer of what the caller has seen and what the call has', () => {
      const call = aCall({ token: SEEN_7 });
      call.saw(6);
      expect(new Map(call.carriedOn())).to.deep.equal(new Map([['x-consistency-token', SEEN_7]]));

      call.saw(8);
      const newer = encodeToken({ databaseId: DATABASE, revision: 8 });
      expect(new Map(call.carriedOn())).to.deep.equal(new Map([['x-consistency-token', newer]]));
    });

    it('is no word that would make another service show less than it shows unasked', () => {
      expect([...aCall({ word: 'any' }).carriedOn()]).to.deep.equal([]);
      expect([...aCall({ word: 'linearizable' }).carriedOn()]).to.deep.equal([['x-consistency', 'linearizable']]);
    });
  });
});

interface Asked {
  readonly word?: string;
  readonly token?: string;
}

interface Case {
  readonly asks: Asked;
  readonly byDefault?: Consistency;
  readonly expected: 'latest' | 'any' | number;
}

function aCall(
  { word, token }: Asked,
  options: {
    byDefault?: Consistency | undefined;
    idempotency?: Policy['idempotency'];
    methodKind?: 'unary' | 'server_streaming';
  } = {},
): ConsistencyOfCall {
  const { byDefault, idempotency = Idempotency.IDEMPOTENCY_NO_SIDE_EFFECTS, methodKind = 'unary' } = options;
  const cache = byDefault && { consistency: byDefault, http: undefined };
  const policy = { access: { kind: 'public' }, deadlineDefaultMs: 1, deadlineMaxMs: 1, idempotency } as const;
  const metadata = new CallMetadata();
  if (word !== undefined) metadata.add('x-consistency', word);
  if (token !== undefined) metadata.add('x-consistency-token', token);
  const method = { policy: { ...policy, ...(cache && { cache }) }, descriptor: { methodKind } };
  return new ConsistencyOfCall(method, metadata, createTokenWriter(DATABASE));
}

function describeAsked({ word, token }: Asked): string {
  const tokens = new Map([
    [SEEN_7, 'a token'],
    [FOREIGN, 'a foreign token'],
  ]);
  const parts = [word, token === undefined ? undefined : (tokens.get(token) ?? JSON.stringify(token))];
  return parts.filter((part) => part !== undefined).join(' with ') || 'no wish';
}
