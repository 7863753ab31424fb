import { expect } from 'chai';
import { chooseEncoding, chooseMediaType } from '../../../../src/gateway/http/accept.js';

describe('chooseMediaType()', () => {
  const offered = ['application/json', 'application/x-ndjson', 'text/event-stream'] as const;
  const rows: readonly (readonly [accept: string | undefined, chosen: string])[] = [
    [undefined, 'application/json'],
    ['', 'application/json'],
    ['*/*', 'application/json'],
    ['application/json', 'application/json'],
    ['text/event-stream', 'text/event-stream'],
    ['TEXT/Event-Stream', 'text/event-stream'],
    ['application/x-ndjson, application/json;q=0.9', 'application/x-ndjson'],
    ['application/json;q=0.5, application/x-ndjson;q=0.6', 'application/x-ndjson'],
    ['text/*, */*;q=0.1', 'text/event-stream'],
    ['application/json;q=0, */*', 'application/x-ndjson'],
    ['application/*;q=0.2, text/event-stream;q=0.1', 'application/json'],
    ['text/html', 'application/json'],
    ['application/json;q=nonsense, text/event-stream;q=0.1', 'text/event-stream'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'application/json'],
  ];
  for (const [accept, chosen] of rows) {
    it(`chooses ${chosen} for ${accept ?? 'no header'}`, () => {
      expect(chooseMediaType(accept, offered)).to.equal(chosen);
    });
  }
});

describe('chooseEncoding()', () => {
  const rows: readonly (readonly [acceptEncoding: string | undefined, chosen: string | undefined])[] = [
    [undefined, undefined],
    ['', undefined],
    ['gzip', 'gzip'],
    ['gzip, deflate, br', 'br'],
    ['gzip;q=1.0, br;q=0.5', 'gzip'],
    ['br;q=0, gzip;q=0', undefined],
    ['*', 'br'],
    ['br;q=0, *', 'gzip'],
    ['identity', undefined],
    ['identity, gzip;q=0.5', undefined],
    ['identity;q=0.5, gzip', 'gzip'],
    ['deflate', undefined],
    ['GZIP', 'gzip'],
  ];
  for (const [acceptEncoding, chosen] of rows) {
    it(`chooses ${chosen ?? 'none'} for ${acceptEncoding ?? 'no header'}`, () => {
      expect(chooseEncoding(acceptEncoding)).to.equal(chosen);
    });
  }
});
