import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { createServer } from 'node:net';
import { formatAddress, type Config, type ListenAddress } from '../config.js';
import { ok, problem, type Finding } from './finding.js';

const ANSWER_MS_MAX = 2_000;

type Ports = Pick<Config, 'grpcListen' | 'httpListen' | 'adminListen' | 'tls'>;

/** Tries to listen where a server is to listen. Where a server does so already, that is as it should be. */
export async function checkPorts(config: Ports): Promise<readonly Finding[]> {
  const listeners = [
    ['KEELSON_GRPC_LISTEN', config.grpcListen],
    ['KEELSON_HTTP_LISTEN', config.httpListen],
    ['KEELSON_ADMIN_LISTEN', config.adminListen],
  ] as const;
  const findings: Finding[] = [];
  for (const [setting, address] of listeners) {
    if (address !== undefined) findings.push(await checkPort(setting, address));
  }
  const isTaken = findings.every(({ level }) => level === 'problem');
  return isTaken && (await isServing(config)) ? [ok('ports', 'a server with these settings runs already')] : findings;
}

async function checkPort(setting: string, address: ListenAddress): Promise<Finding> {
  const where = `${setting}=${formatAddress(address)}`;
  const code = await tryToListen(address);
  const other = `set ${setting} to another address`;
  switch (code) {
    case undefined:
      return ok('ports', `${where} is free`);
    case 'EADDRINUSE':
      return problem('ports', `${where} is taken by another process`, `End that process, or ${other}`);
    case 'EACCES':
      return problem('ports', `${where} is not allowed for this user`, `Use a port from 1024 on: ${other}`);
    case 'EADDRNOTAVAIL':
      return problem('ports', `${where} is no address of this machine`, `Use 0.0.0.0 or an own address: ${other}`);
    default:
      return problem('ports', `${where} cannot be listened on: ${code}`, `Correct it: ${other}`);
  }
}

/** Gives the code of the error, if there is one. */
function tryToListen({ host, port }: ListenAddress): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (err: NodeJS.ErrnoException) => resolve(err.code ?? err.message));
    server.listen({ host, port }, () => server.close(() => resolve(undefined)));
  });
}

/** Whether what listens is a server of ours: it says that it is alive. */
function isServing({ httpListen: { host, port }, tls }: Ports): Promise<boolean> {
  const isTls = tls?.listeners.has('http') ?? false;
  const request = isTls ? requestHttps : requestHttp;
  return new Promise((resolve) => {
    // Only whether it answers counts here; the certificate is looked at elsewhere.
    const sent = request(
      { host, port, path: '/healthz', timeout: ANSWER_MS_MAX, rejectUnauthorized: false },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200);
      },
    );
    sent.once('timeout', () => sent.destroy(new Error('no answer')));
    sent.once('error', () => resolve(false));
    sent.end();
  });
}
