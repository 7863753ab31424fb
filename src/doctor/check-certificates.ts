import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import type { TlsFiles } from '../rpc/tls.js';
import { ok, problem, reasonOf, warning, type Finding } from './finding.js';

const CHECK = 'TLS';
const DAY_MS = 24 * 60 * 60 * 1000;
const WARN_DAYS = 30;
const OTHERS = 0o077;

/** Looks at the files that TLS is served with. */
export async function checkCertificates(tls: TlsFiles | undefined, nowMs: number): Promise<readonly Finding[]> {
  if (tls === undefined) return [ok(CHECK, 'is not asked for: listeners serve plaintext')];
  const certificate = await read(tls.certFile, 'KEELSON_TLS_CERT_FILE', (text) => new X509Certificate(text));
  const key = await read(tls.keyFile, 'KEELSON_TLS_KEY_FILE', createPrivateKey);
  const findings = [...certificate.findings, ...key.findings, ...(await checkKeyMode(tls.keyFile))];
  if (certificate.value !== undefined) findings.push(checkTimes(certificate.value, tls.certFile, nowMs));
  if (certificate.value !== undefined && key.value !== undefined && !certificate.value.checkPrivateKey(key.value)) {
    const todo =
      'Set KEELSON_TLS_CERT_FILE and KEELSON_TLS_KEY_FILE to a certificate and the key that it was made with';
    findings.push(problem(CHECK, `"${tls.keyFile}" is not the key of "${tls.certFile}"`, todo));
  }
  if (tls.clientCaFile !== undefined) {
    const authority = await read(tls.clientCaFile, 'KEELSON_TLS_CLIENT_CA_FILE', (text) => new X509Certificate(text));
    findings.push(...authority.findings);
    if (authority.value !== undefined) findings.push(checkTimes(authority.value, tls.clientCaFile, nowMs));
  }
  return findings;
}

interface ReadFile<T> {
  readonly value?: T;
  readonly findings: readonly Finding[];
}

async function read<T>(path: string, setting: string, parse: (text: Buffer) => T): Promise<ReadFile<T>> {
  try {
    return { value: parse(await readFile(path)), findings: [] };
  } catch (err) {
    const todo = `Set ${setting} to a PEM file that this user can read`;
    return { findings: [problem(CHECK, `"${path}" cannot be used: ${reasonOf(err)}`, todo)] };
  }
}

async function checkKeyMode(path: string): Promise<readonly Finding[]> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || process.platform === 'win32' || (found.mode & OTHERS) === 0) return [];
  return [
    warning(CHECK, `The key "${path}" can be read by others than its owner`, `Take that from them: chmod 600 ${path}`),
  ];
}

function checkTimes({ validFrom, validTo }: X509Certificate, path: string, nowMs: number): Finding {
  const days = Math.floor((Date.parse(validTo) - nowMs) / DAY_MS);
  const todo = `Put a new certificate into "${path}": servers that run take it within seconds`;
  if (Date.parse(validFrom) > nowMs)
    return problem(CHECK, `"${path}" is valid only from ${validFrom} on`, 'Look at the clock of this machine, or wait');
  if (Date.parse(validTo) <= nowMs) return problem(CHECK, `"${path}" expired on ${validTo}`, todo);
  if (days < WARN_DAYS) return warning(CHECK, `"${path}" expires in ${days} days, on ${validTo}`, todo);
  return ok(CHECK, `"${path}" is valid for ${days} days`);
}
