import type { JsonValue } from '@bufbuild/protobuf';
import { chooseMediaType } from '../http/accept.js';

const RECONNECT_AFTER_MS = 2000;

/** One message of a stream, ready to be written. */
export interface StreamItem {
  readonly json: JsonValue;
  /** Counts from 0. */
  readonly index: number;
  /** From where the stream can be resumed after this message. */
  readonly resumeToken: string | undefined;
}

/** What a stream has failed with. */
export interface StreamFailure {
  readonly error: JsonValue;
  /** How many messages came before. */
  readonly index: number;
  /** When to come back, where the failure says so. */
  readonly retryDelayMs: number | undefined;
}

/** How a stream of messages becomes a body. The pieces put together are the body. */
export interface StreamEncoding {
  readonly contentType: string;
  readonly opening: string;
  message(item: StreamItem): string;
  /** Ends a body whose stream has failed, in a form that no message has. */
  failure(failure: StreamFailure): string;
  /** Ends a body whose stream ended well. */
  readonly ending: string;
  /** Keeps the connection alive, where that can be said without saying anything. */
  readonly heartbeat: string | undefined;
}

/** One JSON document: an array, each message on its own line. A failure is its last item: `{"error": ...}`. */
const ARRAY: StreamEncoding = {
  contentType: 'application/json',
  opening: '[',
  message: ({ json, index }) => `${index === 0 ? '' : ','}${JSON.stringify(json)}\n`,
  failure: ({ error, index }) => `${index === 0 ? '' : ','}${JSON.stringify({ error })}\n]\n`,
  ending: ']\n',
  heartbeat: '\n',
};

/** One JSON document a line. A failure is the last line: `{"error": ...}`. */
const LINES: StreamEncoding = {
  contentType: 'application/x-ndjson',
  opening: '',
  message: ({ json }) => `${JSON.stringify(json)}\n`,
  failure: ({ error }) => `${JSON.stringify({ error })}\n`,
  ending: '',
  heartbeat: undefined,
};

/**
 * Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): messages without a type, then
 * `event: end` or `event: error`.
 */
const EVENTS: StreamEncoding = {
  contentType: 'text/event-stream',
  opening: `retry: ${RECONNECT_AFTER_MS}\n\n`,
  message: ({ json, resumeToken }) =>
    `${resumeToken === undefined ? '' : `id: ${resumeToken}\n`}data: ${JSON.stringify(json)}\n\n`,
  failure: ({ error, retryDelayMs }) =>
    `${retryDelayMs === undefined ? '' : `retry: ${retryDelayMs}\n`}event: error\ndata: ${JSON.stringify({ error })}\n\n`,
  ending: 'event: end\ndata: {}\n\n',
  heartbeat: ':\n\n',
};

const ENCODINGS = {
  'application/json': ARRAY,
  'application/x-ndjson': LINES,
  'text/event-stream': EVENTS,
} as const;

/**
 * Chooses the encoding of a stream by the Accept header. A client that asks for nothing special gets an array: a body
 * that every JSON reader understands, and what Google's REST clients expect.
 */
export function chooseStreamEncoding(accept: string | undefined): StreamEncoding {
  return ENCODINGS[chooseMediaType(accept, ['application/json', 'application/x-ndjson', 'text/event-stream'])];
}
