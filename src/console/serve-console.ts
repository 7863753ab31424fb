import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { JsonValue } from '@bufbuild/protobuf';
import { chooseStreamEncoding, type StreamEncoding } from '../gateway/rest/stream-encoding.js';
import { createConsoleFeed, type ConsoleFeed, type ConsoleMessage } from './feed.js';
import { createPageFiles } from './pages.js';
import type { ConsoleSample } from './view.js';

const FEED_PATH = '/console/feed';
const VIEWERS_MAX = 32;

/** Answers requests for the console; false for those that are for something else. */
export type Console = (path: string, request: IncomingMessage, response: ServerResponse) => Promise<boolean>;

/**
 * Serves a page that shows how the process does, and `/console/feed`, from which it has it: a stream in the encodings of the
 * shim, as `Accept` says.
 */
export function createConsole(takeSample: () => Promise<ConsoleSample>): Console {
  const files = createPageFiles();
  const feed = createConsoleFeed(takeSample);
  return async (path, request, response) => {
    if (path === FEED_PATH) {
      await sendFeed(feed, request, response);
      return true;
    }
    const file = files.get(path);
    if (file === undefined) return false;
    const headers = { 'content-type': file.contentType, 'cache-control': 'no-cache', ...file.headers };
    response.writeHead(200, { ...headers, 'x-content-type-options': 'nosniff' });
    response.end(await file.read());
    return true;
  };
}

async function sendFeed(feed: ConsoleFeed, { headers, method }: IncomingMessage, response: ServerResponse) {
  if (feed.viewers >= VIEWERS_MAX) {
    response.writeHead(503, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(`${VIEWERS_MAX} look already\n`);
    return;
  }
  const encoding = chooseStreamEncoding(headers.accept);
  response.writeHead(200, {
    'content-type': encoding.contentType,
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  if (method === 'HEAD') {
    response.end();
    return;
  }
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const body = Readable.from(encode(encoding, feed.watch(gone.signal)), { highWaterMark: 1 });
  // Whoever looks goes away without a word.
  await pipeline(body, response).catch(() => undefined);
}

async function* encode(encoding: StreamEncoding, messages: AsyncIterable<ConsoleMessage>): AsyncGenerator<string> {
  if (encoding.opening !== '') yield encoding.opening;
  let index = 0;
  for await (const message of messages) {
    // A name with the value undefined is left out.
    const json = JSON.parse(JSON.stringify(message)) as JsonValue;
    yield encoding.message({ json, index, resumeToken: undefined });
    index += 1;
  }
}
