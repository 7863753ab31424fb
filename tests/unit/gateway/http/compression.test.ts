import { expect } from 'chai';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { createCompress } from '../../../../src/gateway/http/compression.js';

const TEXT = JSON.stringify({ text: 'abc '.repeat(1000) });

function aRequest(acceptEncoding?: string, method = 'GET'): IncomingMessage {
  return {
    method,
    headers: acceptEncoding === undefined ? {} : { 'accept-encoding': acceptEncoding },
  } as IncomingMessage;
}

function anAnswer(body: string | Readable, headers: Record<string, string> = {}) {
  return { status: 200, headers: { 'content-type': 'application/json', ...headers }, body };
}

describe('compress()', () => {
  const compress = createCompress();

  it('writes what the client accepts', async () => {
    const brotli = await compress(aRequest('gzip, br'), anAnswer(TEXT));
    expect(brotli.headers).to.include({ 'content-encoding': 'br', vary: 'accept-encoding' });
    expect(brotliDecompressSync(brotli.body as Uint8Array).toString()).to.equal(TEXT);
    const zipped = await compress(aRequest('gzip'), anAnswer(TEXT, { vary: 'origin' }));
    expect(zipped.headers).to.include({ 'content-encoding': 'gzip', vary: 'origin, accept-encoding' });
    expect(gunzipSync(zipped.body as Uint8Array).toString()).to.equal(TEXT);
  });

  it('leaves small answers, other types and clients that do not ask as they are', async () => {
    const small = anAnswer('{}');
    expect(await compress(aRequest('gzip'), small)).to.equal(small);
    const image = anAnswer(TEXT, { 'content-type': 'image/png' });
    expect(await compress(aRequest('gzip'), image)).to.equal(image);
    const plain = await compress(aRequest(), anAnswer(TEXT));
    expect(plain.body).to.equal(TEXT);
    expect(plain.headers).to.include({ vary: 'accept-encoding' }).and.not.to.have.property('content-encoding');
  });

  it('makes the entity tag a weak one', async () => {
    const answer = await compress(aRequest('gzip'), anAnswer(TEXT, { etag: '"e"' }));
    expect(answer.headers['etag']).to.equal('W/"e"');
  });

  it('lets each piece of a stream through at once', async () => {
    const source = new Readable({ read() {} });
    const { body } = await compress(aRequest('gzip'), anAnswer(source));
    const compressed = (body as Readable)[Symbol.asyncIterator]();
    source.push('{"a":1}\n');
    expect(((await compressed.next()).value as Buffer).length).to.be.greaterThan(0);
    (body as Readable).destroy();
    expect(source.destroyed || (await new Promise((resolve) => source.once('close', () => resolve(true))))).to.equal(
      true,
    );
  });

  it('compresses so many streams at one time and no more, and others when those have closed', async () => {
    const open = async () => compress(aRequest('br'), anAnswer(new Readable({ read() {} })));
    const opened = await Promise.all(Array.from({ length: 16 }, open));
    expect((await open()).headers).not.to.have.property('content-encoding');
    for (const { headers, body } of opened) {
      expect(headers).to.have.property('content-encoding', 'br');
      const closed = new Promise((resolve) => (body as Readable).once('close', resolve));
      (body as Readable).destroy();
      await closed;
    }
    const { headers, body } = await open();
    expect(headers).to.have.property('content-encoding', 'br');
    (body as Readable).destroy();
  });
});
