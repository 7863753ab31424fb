import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/** A span as a collector gets it. Ids are in hexadecimal digits. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number;
  readonly attributes: Readonly<Record<string, string>>;
  /** Ids of the spans that it is linked to. */
  readonly links: readonly string[];
  /** 2 for an error. */
  readonly status: number;
}

/** A collector that takes traces over OTLP/HTTP. */
export interface OtlpReceiver {
  readonly endpoint: string;
  readonly spans: readonly ReceivedSpan[];
  /** The headers of the requests so far. */
  readonly headers: readonly IncomingMessage['headers'][];
  close(): Promise<void>;
}

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const headers: IncomingMessage['headers'][] = [];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      headers.push(request.headers);
      if (request.url === '/v1/traces') spans.push(...readRequest(Buffer.concat(pieces)));
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    headers,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The field numbers of opentelemetry/proto/collector/trace/v1 and what it holds. */
function readRequest(bytes: Uint8Array): ReceivedSpan[] {
  return fieldsOf(bytes, 1)
    .flatMap((resourceSpans) => fieldsOf(resourceSpans, 2))
    .flatMap((scopeSpans) => fieldsOf(scopeSpans, 2))
    .map(readSpan);
}

function readSpan(span: Uint8Array): ReceivedSpan {
  const hex = (no: number) => Buffer.from(fieldsOf(span, no)[0] ?? []).toString('hex');
  const text = (no: number) => Buffer.from(fieldsOf(span, no)[0] ?? []).toString();
  const attributes = fieldsOf(span, 9).map((entry) => {
    const [value = new Uint8Array()] = fieldsOf(entry, 2);
    const [key = new Uint8Array()] = fieldsOf(entry, 1);
    const [string] = fieldsOf(value, 1);
    return [Buffer.from(key).toString(), string ? Buffer.from(string).toString() : String(numberOf(value, 3))] as const;
  });
  return {
    traceId: hex(1),
    spanId: hex(2),
    traceState: text(3),
    parentSpanId: hex(4),
    name: text(5),
    kind: numberOf(span, 6),
    attributes: Object.fromEntries(attributes),
    links: fieldsOf(span, 13).map((link) => Buffer.from(fieldsOf(link, 2)[0] ?? []).toString('hex')),
    status: numberOf(fieldsOf(span, 15)[0] ?? new Uint8Array(), 3),
  };
}

function fieldsOf(message: Uint8Array, wanted: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [no, type] = reader.tag();
    if (no === wanted && type === WireType.LengthDelimited) found.push(reader.bytes());
    else reader.skip(type, no);
  }
  return found;
}

function numberOf(message: Uint8Array, wanted: number): number {
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [no, type] = reader.tag();
    if (no === wanted && type === WireType.Varint) return Number(reader.uint64());
    reader.skip(type, no);
  }
  return 0;
}
