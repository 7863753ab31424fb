import { expect } from 'chai';
import { bodyTooLarge, methodNotAllowed, unsupportedMediaType } from '../../../../src/gateway/http/http-failure.js';
import { renderError } from '../../../../src/gateway/rest/render-error.js';
import { Code, type CodeName } from '../../../../src/rpc/codes.js';
import { invalidRequest, ServiceError } from '../../../../src/rpc/errors.js';
import { StatusError } from '../../../../src/rpc/status.js';
import { fixtureRegistry } from '../fixture.js';

function render(err: unknown, { hasToken = false, hasIfMatch = false, isPretty = false } = {}) {
  const answer = renderError(err, { registry: fixtureRegistry(), requestId: 'r-1', hasToken, hasIfMatch, isPretty });
  const { error } = JSON.parse(answer.body as string) as { error: Record<string, unknown> };
  return { ...answer, error };
}

describe('renderError()', () => {
  const statuses: Record<CodeName, number> = {
    OK: 200,
    CANCELLED: 499,
    UNKNOWN: 500,
    INVALID_ARGUMENT: 400,
    DEADLINE_EXCEEDED: 504,
    NOT_FOUND: 404,
    ALREADY_EXISTS: 409,
    PERMISSION_DENIED: 403,
    RESOURCE_EXHAUSTED: 429,
    FAILED_PRECONDITION: 400,
    ABORTED: 409,
    OUT_OF_RANGE: 400,
    UNIMPLEMENTED: 501,
    INTERNAL: 500,
    UNAVAILABLE: 503,
    DATA_LOSS: 500,
    UNAUTHENTICATED: 401,
  };
  for (const [name, httpStatus] of Object.entries(statuses) as [CodeName, number][]) {
    it(`renders ${name} as ${httpStatus}`, () => {
      const { status, headers, error } = render(new StatusError(Code[name], 'Text', []));
      expect({ status, error }).to.deep.equal({
        status: httpStatus,
        error: { code: httpStatus, message: 'Text', status: name, details: [] },
      });
      expect(headers).to.include({ 'content-type': 'application/json' });
    });
  }

  it('shows details by their type, which stands first', () => {
    const { error } = render(invalidRequest([{ field: 'a.b', description: 'must be c' }]));
    expect(error).to.deep.include({
      details: [
        { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'INVALID_REQUEST', domain: 'keelson' },
        {
          '@type': 'type.googleapis.com/google.rpc.BadRequest',
          fieldViolations: [{ field: 'a.b', description: 'must be c' }],
        },
      ],
    });
    expect(JSON.stringify(error)).to.include('[{"@type":');
  });

  it('keeps the bytes of a detail that it cannot read, and all the others', () => {
    const good = { typeUrl: 'type.googleapis.com/fixtures.v1.Place', value: Buffer.from([0x0a, 1, 0x61]) };
    const unknown = { typeUrl: 'type.googleapis.com/no.such.Type', value: Buffer.from([1, 2]) };
    const broken = { typeUrl: 'type.googleapis.com/fixtures.v1.Place', value: Buffer.from([0xff]) };
    const { error } = render(new StatusError(Code.ABORTED, 'Text', [unknown, broken, good]));
    expect(error['details']).to.deep.equal([
      { '@type': 'type.googleapis.com/no.such.Type', value: 'AQI=' },
      { '@type': 'type.googleapis.com/fixtures.v1.Place', value: '/w==' },
      { '@type': 'type.googleapis.com/fixtures.v1.Place', cityName: 'a' },
    ]);
  });

  it('challenges who is not authenticated, and says so when the token was wrong', () => {
    const missing = new ServiceError('TOKEN_MISSING', 'Text');
    expect(render(missing).headers['www-authenticate']).to.equal('Bearer realm="keelson"');
    expect(render(missing, { hasToken: true }).headers['www-authenticate']).to.equal(
      'Bearer realm="keelson", error="invalid_token"',
    );
    expect(render(new ServiceError('PERMISSION_DENIED', 'Text')).headers).not.to.have.property('www-authenticate');
  });

  it('turns RetryInfo into whole seconds, never fewer', () => {
    const retry = (retryDelayMs: number) =>
      render(new ServiceError('SERVER_DRAINING', 'Text', { retryDelayMs })).headers['retry-after'];
    expect([retry(0), retry(1), retry(1000), retry(1001)]).to.deep.equal(['0', '1', '1', '2']);
  });

  it('says nothing of what was not made for callers', () => {
    const { status, body, error } = render(new TypeError('secret at db-7:27017'));
    expect(status).to.equal(500);
    expect(error).to.include({ message: 'Internal error (request r-1)', status: 'INTERNAL' });
    expect(body).not.to.match(/secret|TypeError|27017/);
  });

  it('gives failures of HTTP their own status', () => {
    expect(render(methodNotAllowed('PUT', ['GET', 'HEAD'])))
      .to.deep.include({ status: 405 })
      .and.to.have.nested.property('headers.allow', 'GET, HEAD');
    expect(render(bodyTooLarge(5)).error).to.include({ code: 413, message: 'Request body is larger than 5 bytes' });
    expect(render(unsupportedMediaType('Request body has no content type')).error).to.include({ code: 415 });
  });

  it('gives a version that has passed 412 where If-Match asked for it', () => {
    const mismatch = new ServiceError('ETAG_MISMATCH', 'Text');
    expect(render(mismatch).error).to.include({ code: 409, status: 'ABORTED' });
    expect(render(mismatch, { hasIfMatch: true }).error).to.include({ code: 412, status: 'ABORTED' });
    expect(render(new ServiceError('CONTENTION', 'Text'), { hasIfMatch: true }).status).to.equal(409);
  });

  it('writes for people on request', () => {
    expect(render(new StatusError(Code.ABORTED, 'Text', []), { isPretty: true }).body).to.equal(
      `${JSON.stringify({ error: { code: 409, message: 'Text', status: 'ABORTED', details: [] } }, undefined, 2)}\n`,
    );
  });
});
