import { relative } from 'node:path';
import type { App } from '../app.js';
import { formatAddress, type Config, type Listener } from '../config.js';

type Listening = Pick<App, 'grpc' | 'http' | 'admin' | 'adminTokenFile'>;

/** What a newcomer reads when the server is up; the last line is for programs that wait for it. */
export function welcome(config: Config, app: Listening): string {
  const grpc = formatAddress(app.grpc);
  const http = `${schemeOf(config, 'http')}://${formatAddress(app.http)}`;
  const grpcUrl = `${schemeOf(config, 'grpc')}://${grpc}`;
  const tokenFile = shortest(app.adminTokenFile);
  return `
Keelson is up.

  gRPC    ${grpc}
  HTTP    ${http}
  data    ${describeStore(config)}
  token   ${tokenFile} (the first admin's; only you can read the file)
${describeAdmin(config, app)}
Three things to try in another terminal:

  export KEELSON_TOKEN=$(cat ${quote(tokenFile)})

  # write a document over HTTP
  curl -H "Authorization: Bearer $KEELSON_TOKEN" --json '{"fields": {"text": "hello"}}' \\
    "${http}/v1/collections/notes/documents?documentId=first"

  # read it over gRPC
  npx buf curl ${config.tls?.listeners.has('grpc') ? '' : '--http2-prior-knowledge '}--protocol grpc -H "Authorization: Bearer $KEELSON_TOKEN" \\
    -d '{"name": "collections/notes/documents/first"}' \\
    ${grpcUrl}/keelson.documents.v1.DocumentService/GetDocument

  # see all calls in a browser
  ${http}/docs

Ctrl-C stops it.

keelson ready grpc=${grpc} http=${formatAddress(app.http)}
`;
}

function describeAdmin(config: Config, { admin }: Listening): string {
  return admin === undefined
    ? ''
    : `  admin   ${schemeOf(config, 'admin')}://${formatAddress(admin)}/console, /metrics\n`;
}

function schemeOf({ tls }: Config, listener: Listener): string {
  return tls?.listeners.has(listener) === true ? 'https' : 'http';
}

/** Says where state is kept, without the password that a connection string may hold. */
function describeStore({ storeUrl, dataDir }: Config): string {
  if (storeUrl === undefined) return `${shortest(dataDir)} (embedded engine)`;
  return `${storeUrl.replace(/\/\/[^@/]*@/, '//').replace(/\?.*$/, '')} (MongoDB)`;
}

/** A path below the working directory reads better relative to it. */
function shortest(path: string): string {
  const short = relative(process.cwd(), path);
  return short === '' || short.startsWith('..') ? path : short;
}

function quote(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
