import type { Logger } from 'pino';
import { LISTENERS, type Config, type Listener } from './config.js';
import type { Cleanups } from './lifecycle.js';
import { openTls, withoutClientCertificates, type Tls } from './rpc/tls.js';

/** What each listener serves TLS with; undefined for one that serves plaintext. */
export type Certificates = Readonly<Record<Listener, Tls | undefined>>;

const NONE: Certificates = { grpc: undefined, http: undefined, admin: undefined };

/** Reads the certificates that the settings name, and keeps them up to date until `cleanups` run. */
export async function openCertificates(
  { tls: settings }: Pick<Config, 'tls'>,
  { log, cleanups }: { readonly log: Logger; readonly cleanups: Cleanups },
): Promise<Certificates> {
  if (settings === undefined) return NONE;
  const tls = await openTls(settings, { log });
  cleanups.add('TLS', () => tls.close());
  const of = (listener: Listener): Tls | undefined => {
    if (!settings.listeners.has(listener)) return undefined;
    return settings.clientListeners.has(listener) ? tls : withoutClientCertificates(tls);
  };
  return Object.fromEntries(LISTENERS.map((listener) => [listener, of(listener)])) as Certificates;
}
