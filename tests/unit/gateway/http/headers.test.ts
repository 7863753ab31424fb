import { expect } from 'chai';
import { readRequestId, toCallMetadata, toHttpHeaders } from '../../../../src/gateway/http/headers.js';
import { readTimeoutMs } from '../../../../src/gateway/http/timeout.js';
import { ServiceError } from '../../../../src/rpc/errors.js';
import { CallMetadata } from '../../../../src/rpc/metadata.js';

describe('toCallMetadata()', () => {
  it('takes the headers of its list and no others', () => {
    const metadata = toCallMetadata(
      {
        authorization: 'Bearer t',
        'x-request-id': 'theirs',
        traceparent: '00-1-2-01',
        'user-agent': 'curl',
        'x-keelson-token': '7',
        'grpc-metadata-color': 'red',
        'grpc-metadata-authorization': 'Bearer forged',
        'grpc-metadata-grpc-timeout': '1S',
        'grpc-metadata-x-request-id': 'forged',
        'grpc-metadata-x-keelson-token': 'forged',
        'grpc-metadata-': 'x',
        cookie: 'secret',
        host: 'h',
        'x-forwarded-for': '1.2.3.4',
      },
      'ours',
    );
    expect(Object.fromEntries(metadata.entries())).to.deep.equal({
      'x-request-id': 'ours',
      authorization: 'Bearer t',
      traceparent: '00-1-2-01',
      'user-agent': 'curl',
      'x-keelson-token': '7',
      color: 'red',
    });
  });

  it('decodes binary values, and refuses what is no base64', () => {
    const metadata = toCallMetadata({ 'grpc-metadata-key-bin': '_-8=' }, 'r');
    expect([...(metadata.getBinary('key-bin') ?? [])]).to.deep.equal([0xff, 0xef]);
    expect(() => toCallMetadata({ 'grpc-metadata-key-bin': '!' }, 'r')).to.throw(ServiceError, 'must be base64');
  });
});

describe('toHttpHeaders()', () => {
  it('gives shared names as they are and others behind the prefix', () => {
    const metadata = new CallMetadata();
    metadata.add('x-request-id', 'r');
    metadata.add('x-keelson-token', '7');
    metadata.add('color', 'red');
    metadata.add('color', 'blue');
    metadata.addBinary('key-bin', Buffer.from([0xff]));
    expect(toHttpHeaders(metadata)).to.deep.equal({
      'x-request-id': 'r',
      'x-keelson-token': '7',
      'grpc-metadata-color': 'red, blue',
      'grpc-metadata-key-bin': '/w==',
    });
  });

  it('leaves out what would break a response', () => {
    const metadata = new CallMetadata();
    metadata.add('split', 'a\r\nset-cookie: b');
    metadata.add('wide', 'ä');
    metadata.add('bad name', 'x');
    expect(toHttpHeaders(metadata)).to.deep.equal({});
  });
});

describe('readRequestId()', () => {
  it('takes an id that is fit for logs, and makes one otherwise', () => {
    expect(readRequestId({ 'x-request-id': 'a-1' })).to.equal('a-1');
    expect(readRequestId({ 'x-request-id': 'a b' })).to.match(/^[0-9a-f-]{36}$/);
    expect(readRequestId({})).to.match(/^[0-9a-f-]{36}$/);
  });
});

describe('readTimeoutMs()', () => {
  const rows: readonly (readonly [headers: Record<string, string>, timeoutMs: number | undefined])[] = [
    [{}, undefined],
    [{ 'grpc-timeout': '100m' }, 100],
    [{ 'grpc-timeout': '2S' }, 2000],
    [{ 'grpc-timeout': '1M' }, 60_000],
    [{ 'grpc-timeout': '1H' }, 3_600_000],
    [{ 'grpc-timeout': '500u' }, 0.5],
    [{ 'x-server-timeout': '1.5' }, 1500],
    [{ 'x-server-timeout': '2', 'grpc-timeout': '100m' }, 100],
  ];
  for (const [headers, timeoutMs] of rows) {
    it(`reads ${JSON.stringify(headers)}`, () => expect(readTimeoutMs(headers)).to.equal(timeoutMs));
  }

  it('refuses what is no duration', () => {
    for (const value of ['', '1', 'S', '-1S', '123456789S', '1s']) {
      expect(() => readTimeoutMs({ 'grpc-timeout': value }), value).to.throw(ServiceError, 'is not a duration');
    }
    for (const value of ['', '-1', '1s', 'Infinity', '1e3']) {
      expect(() => readTimeoutMs({ 'x-server-timeout': value }), value).to.throw(ServiceError, 'is not a duration');
    }
  });
});
