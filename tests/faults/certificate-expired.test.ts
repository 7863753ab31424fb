import { copyFileSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { expect } from 'chai';
import { createAuthority, type Authority, type CertificateFiles } from '../support/certificates.js';
import { startServerProcess, type ServerProcess } from '../support/server-process.js';

const TEST_MS_MAX = 60_000;

// The run book "Certificate expired" of docs/operations.md.
describe('a server whose certificate has expired', function () {
  this.timeout(TEST_MS_MAX);
  let authority: Authority;
  let files: CertificateFiles;
  let server: ServerProcess | undefined;

  before(async () => {
    authority = createAuthority();
    files = authority.issue('server', 'IP:127.0.0.1', -1);
    const { certFile, keyFile } = files;
    server = await startServerProcess({ settings: { KEELSON_TLS_CERT_FILE: certFile, KEELSON_TLS_KEY_FILE: keyFile } });
  });
  after(async () => {
    await server?.close();
    authority.close();
  });

  function ask(): Promise<number | string | undefined> {
    const url = `${server?.http.replace('http:', 'https:')}/healthz`;
    return new Promise((resolve) => {
      const options = { ca: readFileSync(authority.caFile), agent: false as const };
      const asked = request(url, options, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      asked.on('error', (err: NodeJS.ErrnoException) => resolve(err.code)).end();
    });
  }

  it('is called again once new files are in the place of the old, and was not started again', async () => {
    expect(await ask()).to.equal('CERT_HAS_EXPIRED');

    const next = authority.issue('next', 'IP:127.0.0.1');
    copyFileSync(next.certFile, files.certFile);
    copyFileSync(next.keyFile, files.keyFile);
    while ((await ask()) !== 200) await new Promise((resolve) => setTimeout(resolve, 100));

    while (!server?.logLines.some(({ msg }) => msg === 'certificates reloaded'))
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(server.child.exitCode).to.equal(null);
  });
});
