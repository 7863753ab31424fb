import { expect } from 'chai';
import { createCors } from '../../../../src/gateway/http/cors.js';

const APP = 'https://app.example.com';
const ANSWER = {
  status: 200,
  headers: { 'content-type': 'application/json', 'x-request-id': 'r', etag: '"e"' },
  body: '',
};
const OPTIONS = { status: 204, headers: { allow: 'GET, OPTIONS' }, body: '' };

describe('createCors()', () => {
  it('lets nobody in by default', () => {
    expect(createCors([])({ origin: APP }, ANSWER)).to.equal(ANSWER);
  });

  it('lets a page of a listed origin read the answer and its own headers', () => {
    expect(createCors([APP])({ origin: APP }, ANSWER).headers).to.deep.equal({
      ...ANSWER.headers,
      vary: 'origin',
      'access-control-allow-origin': APP,
      'access-control-expose-headers': 'x-request-id, etag',
    });
  });

  it('lets no other origin in, and keeps answers apart all the same', () => {
    for (const origin of [
      'https://app.example.com.evil.org',
      'http://app.example.com',
      'null',
      `${APP}:444`,
      undefined,
    ]) {
      const { headers } = createCors([APP])(origin === undefined ? {} : { origin }, ANSWER);
      expect(headers, origin).to.deep.equal({ ...ANSWER.headers, vary: 'origin' });
    }
  });

  it('lets any origin in on request, and never asks for cookies', () => {
    const { headers } = createCors(['*'])({ origin: APP }, ANSWER);
    expect(headers).to.include({ 'access-control-allow-origin': '*' });
    expect(headers).not.to.have.any.keys('vary', 'access-control-allow-credentials');
  });

  it('answers a preflight with what the path takes, and with the headers that mean something', () => {
    const { headers } = createCors([APP])(
      {
        origin: APP,
        'access-control-request-method': 'PATCH',
        'access-control-request-headers': 'Authorization, Grpc-Metadata-Color, X-Keelson-Token, X-Evil',
      },
      OPTIONS,
    );
    expect(headers).to.include({ 'access-control-allow-methods': 'GET, OPTIONS', 'access-control-max-age': '7200' });
    const allowed = headers['access-control-allow-headers']?.split(', ');
    expect(allowed).to.include.members(['authorization', 'if-match', 'grpc-metadata-color', 'x-keelson-token']);
    expect(allowed).not.to.include('x-evil');
    expect(headers['vary']).to.equal('origin, access-control-request-method, access-control-request-headers');
  });
});
