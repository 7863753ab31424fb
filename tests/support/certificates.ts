import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate and its key, as PEM files. */
export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** An authority that signs certificates for tests. */
export interface Authority {
  readonly caFile: string;
  readonly ca: Buffer;
  /** Signs a certificate with names such as `IP:127.0.0.1` or `URI:spiffe://example.org/orders`, for two days, or one that ended. */
  issue(file: string, names: string, days?: 2 | -1): CertificateFiles;
  /** Removes all files. */
  close(): void;
}

export function createAuthority(): Authority {
  const folder = mkdtempSync(join(tmpdir(), 'keelson-tls-'));
  const path = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    path('ca.key'),
    '-out',
    path('ca.pem'),
    '-days',
    '2',
    '-subj',
    '/CN=Test authority',
  );
  return {
    caFile: path('ca.pem'),
    ca: readFileSync(path('ca.pem')),
    issue(file, names, days = 2) {
      const [certFile, keyFile, request, extensions] = ['pem', 'key', 'csr', 'ext'].map((end) =>
        path(`${file}.${end}`),
      );
      if (certFile === undefined || keyFile === undefined || request === undefined || extensions === undefined)
        throw new Error('unreachable');
      writeFileSync(extensions, `subjectAltName=${names}\n`);
      openssl('req', ...newKey, '-keyout', keyFile, '-out', request, '-subj', `/CN=${file}`);
      openssl(
        'x509',
        '-req',
        '-in',
        request,
        '-CA',
        path('ca.pem'),
        '-CAkey',
        path('ca.key'),
        '-CAcreateserial',
        '-out',
        certFile,
        '-days',
        String(days),
        '-extfile',
        extensions,
      );
      return { certFile, keyFile };
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
