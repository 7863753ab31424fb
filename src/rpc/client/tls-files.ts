import { readFile } from 'node:fs/promises';
import { createSecureContext, rootCertificates } from 'node:tls';
import { experimental, type ChannelCredentials } from '@grpc/grpc-js';

/** The files are read this often while there is a connection to be made or kept. */
const LOOK_MS = 5000;

/** PEM files. They may be replaced at any time: connections that stand keep theirs, new ones take the new. */
export interface ClientTlsFiles {
  /** The authorities that sign servers; those that Node knows where it is left out. */
  readonly caFile?: string;
  /** What this client shows of itself, where servers ask for it. */
  readonly certFile?: string;
  readonly keyFile?: string;
  /** How often they are read again, in milliseconds. */
  readonly lookMs?: number;
}

type Provider = experimental.CertificateProvider;
type CaListener = Parameters<Provider['addCaCertificateListener']>[0];
type IdentityListener = Parameters<Provider['addIdentityCertificateListener']>[0];
type CaUpdate = Parameters<CaListener>[0];
type IdentityUpdate = Parameters<IdentityListener>[0];

/** Gives what a channel connects with. Files that cannot be used leave the old in use; without any, connections fail. */
export function credentialsFromFiles(files: ClientTlsFiles): ChannelCredentials {
  const provider = createProvider(files);
  const showsItself = files.certFile !== undefined;
  return experimental.createCertificateProviderChannelCredentials(provider, showsItself ? provider : null);
}

/** The provider of grpc-js would drop what it has when a file is gone for a moment, and keeps the process alive. */
function createProvider(files: ClientTlsFiles): Provider {
  const caListeners = new Set<CaListener>();
  const identityListeners = new Set<IdentityListener>();
  let timer: NodeJS.Timeout | undefined;
  let latest: { readonly ca: CaUpdate; readonly identity: IdentityUpdate } | undefined;

  async function look(): Promise<void> {
    try {
      latest = await readFiles(files);
    } catch {
      latest ??= { ca: null, identity: null };
    }
    for (const listener of identityListeners) listener(latest.identity);
    for (const listener of caListeners) listener(latest.ca);
  }

  function settle(): void {
    if (caListeners.size + identityListeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    } else if (timer === undefined) {
      timer = setInterval(() => void look(), files.lookMs ?? LOOK_MS).unref();
      void look();
    }
  }

  return {
    addCaCertificateListener(listener) {
      caListeners.add(listener);
      if (latest !== undefined) process.nextTick(listener, latest.ca);
      settle();
    },
    removeCaCertificateListener(listener) {
      caListeners.delete(listener);
      settle();
    },
    addIdentityCertificateListener(listener) {
      identityListeners.add(listener);
      if (latest !== undefined) process.nextTick(listener, latest.identity);
      settle();
    },
    removeIdentityCertificateListener(listener) {
      identityListeners.delete(listener);
      settle();
    },
  };
}

async function readFiles({ caFile, certFile, keyFile }: ClientTlsFiles) {
  const [ca, cert, key] = await Promise.all(
    [caFile, certFile, keyFile].map(async (file) => (file === undefined ? undefined : readFile(file))),
  );
  // Throws where key and certificate are not of each other, as between the changes of two files.
  createSecureContext({ ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) });
  return {
    ca: { caCertificate: ca ?? Buffer.from(rootCertificates.join('\n')) },
    identity: cert === undefined || key === undefined ? null : { certificate: cert, privateKey: key },
  };
}
