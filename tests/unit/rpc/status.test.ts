import { expect } from 'chai';
import { anything, assert, property, string } from 'fast-check';
import { ErrorInfo } from '../../../gen/google/rpc/error_details.js';
import { ServiceError } from '../../../src/rpc/errors.js';
import { writeStatus } from '../../../src/rpc/grpc/headers.js';
import { toStatusError } from '../../../src/rpc/status.js';
import { seed } from '../../support/seed.js';

/** What common clients take as headers at least. */
const HEADER_BYTES_MAX = 16 * 1024;

describe('toStatusError()', () => {
  const huge = '\u{1f600}\ud83d%'.repeat(20_000);

  it('fits into headers whatever a failure holds', () => {
    const failure = new ServiceError('INVALID_REQUEST', huge, {
      metadata: { resource: huge },
      violations: Array.from({ length: 1000 }, () => ({ field: huge, description: huge })),
      resource: { type: 'document', name: huge },
      retryDelayMs: 1500,
    });

    const headers = writeStatus(toStatusError(failure, 'r-1'));

    expect(Object.entries(headers).join('').length).to.be.lessThan(HEADER_BYTES_MAX);
    expect(headers['grpc-retry-pushback-ms']).to.equal('1500');
  });

  it('keeps the reason first', () => {
    const [info] = toStatusError(new ServiceError('CONTENTION', huge, { metadata: { a: huge } }), 'r-1').details;

    expect(ErrorInfo.decode(info?.value ?? new Uint8Array()).reason).to.equal('CONTENTION');
  });

  it('writes headers that HTTP takes, and that read back, for every text', () => {
    const holds = property(string({ unit: 'binary', maxLength: 200 }), (text) => {
      const message = String(writeStatus(toStatusError(new ServiceError('CONTENTION', text), 'r'))['grpc-message']);
      expect(message).to.match(/^[ -~]*$/);
      expect(decodeURIComponent(message)).to.equal(text.toWellFormed());
    });
    assert(holds, { seed: seed() });
  });

  it('tells nothing of what is not a ServiceError', () => {
    const holds = property(anything(), (thrown) => {
      expect(toStatusError(thrown, 'r-1').message).to.equal('Internal error (request r-1)');
    });
    assert(holds, { seed: seed() });
  });
});
