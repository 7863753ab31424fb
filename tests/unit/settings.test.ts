import { expect } from 'chai';
import { maskUrl } from '../../src/settings.js';

describe('maskUrl()', () => {
  for (const [url, masked] of [
    ['', ''],
    ['redis://127.0.0.1:6379', 'redis://127.0.0.1:6379'],
    ['redis://:hunter2@host:1', 'redis://:***@host:1'],
    ['mongodb://user:hunter2@a:1,b:2/db?replicaSet=rs0', 'mongodb://user:***@a:1,b:2/db?replicaSet=rs0'],
    ['mongodb://user:h@nter2@a:1/db', 'mongodb://user:***@a:1/db'],
    ['mongodb://user:hunt/er?2@a:1/db', 'mongodb://user:***@a:1/db'],
    ['mongodb://user@a:1/db', 'mongodb://user@a:1/db'],
    [
      'mongodb+srv://a/db?tls=true&tlsCertificateKeyFilePassword=hunter2&authMechanismProperties=AWS_SESSION_TOKEN:x',
      'mongodb+srv://a/db?tls=true&tlsCertificateKeyFilePassword=***&authMechanismProperties=***',
    ],
  ] as const) {
    it(`makes ${masked || 'nothing'} of ${url || 'nothing'}`, () => {
      expect(maskUrl(url)).to.equal(masked);
    });
  }
});
