import { Readable } from 'node:stream';
import { toStatusError } from '../../rpc/status.js';
import { noBody, type HttpAnswer } from '../answer.js';
import type { CallDeps } from '../call-deps.js';
import { toHttpHeaders } from '../http/headers.js';
import { HTTP_STATUS } from '../http/http-status.js';
import { cutWhenStalled } from '../http/stall.js';
import { answerDownload } from '../http-body/download.js';
import { givesHttpBody } from '../http-body/http-body.js';
import { selectParts, type Selection } from '../message/field-selection.js';
import { resumeTokenOf } from '../message/resume.js';
import type { OutputOptions } from '../message/system-parameters.js';
import { retryDelayMsOf } from '../http/error-headers.js';
import { logRefusal } from '../request-log.js';
import { messageSource, type MessageSource } from '../message-source.js';
import { settledWithin } from '../settled-within.js';
import { readRequest, toIncomingCall, type RoutedRequest } from './read-request.js';
import { errorJson } from './render-error.js';
import { chooseStreamEncoding, type StreamEncoding } from './stream-encoding.js';
import { toResponseJson } from './write-response.js';

/** Starts a server stream that came as REST, and gives its answer once there is something to say. */
export async function callStream(deps: CallDeps, routed: RoutedRequest): Promise<HttpAnswer> {
  const { binding, exchange, responseMetadata } = routed;
  const { request, upload, output, selection } = readRequest(deps, routed);
  const call = { ...toIncomingCall(routed), onEnd: cutWhenStalled(exchange.response, deps.streamTimes.stalledMaxMs) };
  const answers =
    upload === undefined
      ? deps.dispatcher.serverStream(binding.method, call, request.read)
      : deps.dispatcher.bidiStream(binding.method, call, upload);
  const messages = answers[Symbol.asyncIterator]();
  const first = messages.next();
  try {
    // A stream begins once its request is there: until then there is nothing that it could be quiet about.
    await (upload === undefined ? Promise.race([first, request.received()]) : undefined);
    // The type of a file is in its first message.
    await (givesHttpBody(binding) ? first : undefined);
    await settledWithin(first, deps.streamTimes.firstMessageWaitMs);
  } catch (err) {
    throw request.explain(err);
  }
  if (givesHttpBody(binding)) {
    return answerDownload(deps, routed, { messages, first: await first, headers: toHttpHeaders(responseMetadata) });
  }
  const encoding = chooseStreamEncoding(exchange.request.headers.accept);
  const headers = {
    ...toHttpHeaders(responseMetadata),
    'content-type': encoding.contentType,
    // Asks nginx to pass each piece on as it comes.
    'x-accel-buffering': 'no',
  };
  if (exchange.request.method === 'HEAD') {
    await messages.return?.();
    return { status: 200, headers, body: noBody() };
  }
  const body = Readable.from(
    encode(deps, routed, { messages: messageSource(first, messages), encoding, output, selection }),
    {
      highWaterMark: 1,
    },
  );
  return { status: 200, headers, body };
}

interface RunningStream {
  readonly messages: MessageSource;
  readonly encoding: StreamEncoding;
  readonly output: OutputOptions;
  readonly selection: Selection | undefined;
}

/** Holds on to nothing of a message while the client takes its time to read it. */
async function* encode(deps: CallDeps, routed: RoutedRequest, running: RunningStream): AsyncGenerator<Buffer> {
  const { registry, log, streamTimes } = deps;
  const { exchange } = routed;
  const { messages, encoding } = running;
  let index = 0;
  try {
    // A stream that is quiet so far has begun all the same.
    exchange.response.flushHeaders();
    if (encoding.opening !== '') yield Buffer.from(encoding.opening);
    for (; ; index += 1) {
      const next = nextPiece(deps, routed, running, index);
      yield* heartbeats(encoding, next, streamTimes.heartbeatMs);
      const piece = await next;
      if (piece === undefined) break;
      yield piece;
    }
    yield Buffer.from(encoding.ending);
  } catch (err) {
    logRefusal(log, exchange, err);
    const status = toStatusError(err, exchange.requestId);
    const error = errorJson(status, HTTP_STATUS[status.codeName], registry);
    yield Buffer.from(encoding.failure({ error, index, retryDelayMs: retryDelayMsOf(status, registry) }));
  } finally {
    await messages.end();
  }
}

/** Gives the next message as it is written; undefined behind the last. */
async function nextPiece(
  { registry }: CallDeps,
  { binding }: RoutedRequest,
  { messages, encoding, output, selection }: RunningStream,
  index: number,
): Promise<Buffer | undefined> {
  const result = await messages.next();
  if (result.done === true) return undefined;
  const { body, whole } = toResponseJson(registry, binding, result.value, output);
  const resumeToken = resumeTokenOf(binding.method.descriptor.output, whole);
  const json = selection === undefined ? body : selectParts(body, selection);
  return Buffer.from(encoding.message({ json, index, resumeToken }));
}

/** Gives heartbeats until a promise settles. */
async function* heartbeats(
  { heartbeat }: StreamEncoding,
  until: Promise<unknown>,
  everyMs: number,
): AsyncGenerator<Buffer> {
  if (heartbeat === undefined) return;
  while (!(await settledWithin(until, everyMs))) yield Buffer.from(heartbeat);
}
