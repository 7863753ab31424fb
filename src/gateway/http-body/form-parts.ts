import { Busboy, type BusboyHeaders } from '@fastify/busboy';
import type { IncomingHttpHeaders } from 'node:http';
import { finished, Readable } from 'node:stream';
import { invalidRequest, ServiceError } from '../../rpc/errors.js';

const KIB = 1024;

/** What a form may hold beside what is in its files. */
export const FORM_LIMITS = {
  /** Of the text in one field. */
  fieldSize: 64 * KIB,
  fieldNameSize: 200,
  fields: 100,
  files: 100,
  parts: 200,
  /** The header lines of one part. */
  headerPairs: 20,
} as const;

/** One part of a form: a field of text, or a file, which has to be read before the next part comes. */
export type FormPart =
  | { readonly kind: 'field'; readonly name: string; readonly value: string }
  | {
      readonly kind: 'file';
      readonly name: string;
      readonly filename: string;
      readonly contentType: string;
      readonly chunks: AsyncIterable<Buffer>;
    };

/** Tells whether a body is a form with files (RFC 7578). */
export function isForm(headers: IncomingHttpHeaders): boolean {
  return /^multipart\/form-data\s*;/i.test(headers['content-type'] ?? '');
}

/**
 * Takes a form apart as it comes, and reads no further than is asked for. Throws a ServiceError for what is no form, and for one
 * with too many parts.
 */
export async function* readForm(headers: IncomingHttpHeaders, body: AsyncIterable<Buffer>): AsyncGenerator<FormPart> {
  const parser = createParser(headers);
  const parts: FormPart[] = [];
  const state: { failure?: Error; isDone: boolean } = { isDone: false };
  let wake: () => void = () => undefined;
  const add = (part: FormPart) => {
    parts.push(part);
    wake();
  };
  const end = (err?: Error | null) => {
    if (err) state.failure ??= err;
    state.isDone = true;
    wake();
  };
  parser.on('field', (name: string | undefined, value, isNameCut, isValueCut) => {
    if (name === undefined) end(nameless());
    else if (isNameCut || isValueCut) end(tooLarge('a field that is too large'));
    else add({ kind: 'field', name, value });
  });
  parser.on('file', (name: string | undefined, chunks, filename, _transferEncoding, contentType) => {
    // Also told to whoever reads it.
    chunks.on('error', () => undefined);
    if (name === undefined) end(nameless());
    else add({ kind: 'file', name, filename: filename ?? '', contentType, chunks });
  });
  for (const limit of ['partsLimit', 'filesLimit', 'fieldsLimit'] as const) {
    parser.on(limit, () => end(tooLarge('too many parts')));
  }
  finished(parser, { readable: false }, end);
  const source = feed(parser, body, end);
  try {
    for (;;) {
      if (state.failure !== undefined) throw state.failure;
      const part = parts.shift();
      if (part !== undefined) yield part.kind === 'file' ? { ...part, chunks: readFile(part.chunks) } : part;
      else if (state.isDone) break;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } catch (err) {
    throw err instanceof ServiceError ? err : broken(err);
  } finally {
    parser.destroy();
    source.stop();
  }
}

function createParser(headers: IncomingHttpHeaders): InstanceType<typeof Busboy> {
  try {
    return new Busboy({ headers: headers as BusboyHeaders, limits: FORM_LIMITS });
  } catch (err) {
    throw broken(err);
  }
}

/** Writes a body to the parser, which takes no more while the file that it is in is not read. */
function feed(
  parser: InstanceType<typeof Busboy>,
  body: AsyncIterable<Buffer>,
  onEnd: (err?: Error | null) => void,
): { stop(): void } {
  const source = Readable.from(body, { highWaterMark: 1 });
  source.on('error', onEnd);
  source.pipe(parser);
  return { stop: () => source.destroy() };
}

async function* readFile(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* chunks;
  } catch (err) {
    throw err instanceof ServiceError ? err : broken(err);
  }
}

function broken(cause: unknown): ServiceError {
  const failure = invalidRequest([{ field: '', description: 'Body is no form: it is malformed, or ends too early' }]);
  failure.cause = cause;
  return failure;
}

function nameless(): ServiceError {
  return invalidRequest([{ field: '', description: 'Form has a part without a name' }]);
}

function tooLarge(what: string): ServiceError {
  return new ServiceError('LIMIT_EXCEEDED', `Form has ${what}`);
}
