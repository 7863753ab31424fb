import { experimental, ServerCredentials } from '@grpc/grpc-js';
import type { Certificates, Tls } from '../tls.js';

type Provider = experimental.CertificateProvider;
type CaListener = Parameters<Provider['addCaCertificateListener']>[0];
type IdentityListener = Parameters<Provider['addIdentityCertificateListener']>[0];

/** Gives what grpc-js serves with. Plaintext is for what only this machine, or a proxy that encrypts, can reach: config.ts sees to it. */
export function credentialsOf(tls: Tls | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const provider = createProvider(tls);
  const { requiresClientCertificate } = tls;
  // The first takes the identity of the server, whatever the types of grpc-js call it; the second the authorities.
  return experimental.createCertificateProviderServerCredentials(
    provider,
    requiresClientCertificate ? provider : null,
    requiresClientCertificate,
  );
}

/** Tells grpc-js of each change, and of what there is when it asks. */
function createProvider(tls: Tls): Provider {
  const caListeners = new Set<CaListener>();
  const identityListeners = new Set<IdentityListener>();
  tls.attach({
    setSecureContext() {
      for (const listener of identityListeners) listener(toIdentity(tls.options()));
      for (const listener of caListeners) listener(toAuthorities(tls.options()));
    },
  });
  return {
    addCaCertificateListener(listener) {
      caListeners.add(listener);
      // grpc-js makes its server before it listens, and would take this in too early.
      process.nextTick(() => listener(toAuthorities(tls.options())));
    },
    removeCaCertificateListener: (listener) => void caListeners.delete(listener),
    addIdentityCertificateListener(listener) {
      identityListeners.add(listener);
      process.nextTick(() => listener(toIdentity(tls.options())));
    },
    removeIdentityCertificateListener: (listener) => void identityListeners.delete(listener),
  };
}

function toIdentity({ cert, key }: Certificates) {
  return { certificate: cert, privateKey: key };
}

function toAuthorities({ ca }: Certificates) {
  return ca === undefined ? null : { caCertificate: ca };
}
