import { unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { Logger } from 'pino';

/** Certificates are looked at this often. A look is a stat of each file, and sees a link that points elsewhere now. */
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
  const paths = [files.certFile, files.keyFile, files.clientCaFile].filter((path) => path !== undefined);
  let current = await readContext(files);

  async function reload(): Promise<void> {
    try {
      const next = await readContext(files);
      if (isSame(current, next)) return;
      current = next;
      for (const server of servers) server.setSecureContext(next);
      log.info({ certFile: files.certFile }, 'certificates reloaded');
    } catch (err) {
      // Certificate and key are two files: between the two changes they do not fit, and the next look finds them whole.
      log.error({ err, certFile: files.certFile }, 'certificates cannot be reloaded, the old ones stay in use');
    }
  }

  const onChange = () => void reload();
  for (const path of paths) watchFile(path, { interval: lookMs, persistent: false }, onChange);
  return {
    requiresClientCertificate: files.clientCaFile !== undefined,
    options: () => current,
    attach: (server) => void servers.add(server),
    close() {
      for (const path of paths) unwatchFile(path, onChange);
    },
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
