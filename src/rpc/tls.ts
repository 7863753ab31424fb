import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions, type TlsOptions } from 'node:tls';
import type { Logger } from 'pino';

/** The files are read this often and compared: no notice of a change gets lost, nor one through a link. */
const LOOK_MS = 5000;

/** PEM files. They may be replaced at any time, by a rename or through a link. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** The authorities that sign the certificates of clients. */
  readonly clientCaFile?: string | undefined;
}

/** A server that takes new certificates while it runs; connections that stand keep theirs. */
export interface SecureServer {
  setSecureContext(options: SecureContextOptions): void;
}

/** Certificate, key and authorities as they are now. */
export interface Certificates extends SecureContextOptions {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
}

/** The certificates of a process, kept up to date. */
export interface Tls {
  /** True where every client must show a certificate that one of the authorities has signed. */
  readonly requiresClientCertificate: boolean;
  /** Gives what a server starts with. */
  options(): Certificates;
  /** Gives a server each later change. */
  attach(server: SecureServer): void;
  /** Stops looking for changes. */
  close(): void;
}

export interface TlsDeps {
  readonly log: Pick<Logger, 'info' | 'error'>;
  readonly lookMs?: number;
}

/** Reads the files, or rejects where they are no certificate with its key. What is broken later leaves the old in use. */
export async function openTls(files: TlsFiles, { log, lookMs = LOOK_MS }: TlsDeps): Promise<Tls> {
  const servers = new Set<SecureServer>();
  let current = await readContext(files);

  let hasComplained = false;

  async function look(): Promise<void> {
    try {
      const next = await readContext(files);
      hasComplained = false;
      if (isSame(current, next)) return;
      current = next;
      for (const server of servers) server.setSecureContext(next);
      log.info({ certFile: files.certFile }, 'certificates reloaded');
    } catch (err) {
      // Certificate and key are two files: a look between their changes finds a pair that does not fit.
      if (!hasComplained) log.error({ err, certFile: files.certFile }, 'certificates are broken, the old stay in use');
      hasComplained = true;
    }
  }

  const timer = setInterval(() => void look(), lookMs).unref();
  return {
    requiresClientCertificate: files.clientCaFile !== undefined,
    options: () => current,
    attach: (server) => void servers.add(server),
    close: () => clearInterval(timer),
  };
}

/** The same certificates for a listener whose clients show none. */
export function withoutClientCertificates(tls: Tls): Tls {
  return { ...tls, requiresClientCertificate: false };
}

/** Gives what Node makes a server of that asks for certificates as it should. */
export function serverOptions(tls: Tls): TlsOptions {
  const { requiresClientCertificate } = tls;
  return {
    ...tls.options(),
    requestCert: requiresClientCertificate,
    rejectUnauthorized: requiresClientCertificate,
  };
}

async function readContext({ certFile, keyFile, clientCaFile }: TlsFiles): Promise<Certificates> {
  const [cert, key, ca] = await Promise.all([
    readFile(certFile),
    readFile(keyFile),
    clientCaFile === undefined ? undefined : readFile(clientCaFile),
  ]);
  const context = { cert, key, ...(ca && { ca }) };
  // Throws where key and certificate are not of each other.
  createSecureContext(context);
  return context;
}

function isSame(a: Certificates, b: Certificates): boolean {
  return a.cert.equals(b.cert) && a.key.equals(b.key) && (a.ca?.equals(b.ca ?? Buffer.alloc(0)) ?? true);
}
