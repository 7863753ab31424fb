import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { Logger } from 'pino';

/** The files are read this often and compared: no notice of a change gets lost, nor one through a link. */
const LOOK_MS = 5000;

/** PEM files. They may be replaced at any time, by a rename or through a link. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** Where it is given, every client must show a certificate that one of these authorities has signed. */
  readonly clientCaFile?: string | undefined;
}

/** A server that takes new certificates while it runs; connections that stand keep theirs. */
export interface SecureServer {
  setSecureContext(options: SecureContextOptions): void;
}

/** The certificates of a process, kept up to date. */
export interface Tls {
  readonly requiresClientCertificate: boolean;
  /** Gives what a server starts with. */
  options(): SecureContextOptions;
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

interface Context extends SecureContextOptions {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
}

async function readContext({ certFile, keyFile, clientCaFile }: TlsFiles): Promise<Context> {
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

function isSame(a: Context, b: Context): boolean {
  return a.cert.equals(b.cert) && a.key.equals(b.key) && (a.ca?.equals(b.ca ?? Buffer.alloc(0)) ?? true);
}
