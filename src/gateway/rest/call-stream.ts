import { Readable } from 'node:stream';
import { toStatusError } from '../../rpc/status.js';
import type { HttpAnswer } from '../answer.js';
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
import { settledWithin } from '../settled-within.js';
import { readRequest, toIncomingCall, type RoutedRequest } from './read-request.js';
import { errorJson } from './render-error.js';
import { chooseStreamEncoding, type StreamEncoding } from './stream-encoding.js';
import { toResponseJson } from './write-response.js';

type Messages = AsyncIterator<Uint8Array, unknown>;

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
  if (givesHttpBody(binding) && exchange.request.method !== 'HEAD') {
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
    return { status: 200, headers, body: '' };
  }
  const body = Readable.from(encode(deps, routed, { messages, first, encoding, output, selection }), {
    highWaterMark: 1,
  });
  return { status: 200, headers, body };
}

interface RunningStream {
  readonly messages: Messages;
  readonly first: Promise<IteratorResult<Uint8Array, unknown>>;
  readonly encoding: StreamEncoding;
  readonly output: OutputOptions;
  readonly selection: Selection | undefined;
}

async function* encode(
  { registry, log, streamTimes }: CallDeps,
  { binding, exchange }: RoutedRequest,
  { messages, first, encoding, output, selection }: RunningStream,
): AsyncGenerator<string> {
  let written = 0;
  try {
    // A stream that is quiet so far has begun all the same.
    exchange.response.flushHeaders();
    if (encoding.opening !== '') yield encoding.opening;
    for (let next = first; ; next = messages.next()) {
      yield* heartbeats(encoding, next, streamTimes.heartbeatMs);
      const result = await next;
      if (result.done === true) break;
      const { body, whole } = toResponseJson(registry, binding, result.value, output);
      const resumeToken = resumeTokenOf(binding.method.descriptor.output, whole);
      const json = selection === undefined ? body : selectParts(body, selection);
      yield encoding.message({ json, index: written, resumeToken });
      written += 1;
    }
    yield encoding.ending;
  } catch (err) {
    logRefusal(log, exchange, err);
    const status = toStatusError(err, exchange.requestId);
    yield encoding.failure({
      error: errorJson(status, HTTP_STATUS[status.codeName], registry),
      index: written,
      retryDelayMs: retryDelayMsOf(status, registry),
    });
  } finally {
    await messages.return?.();
  }
}

/** Gives heartbeats until a promise settles. */
async function* heartbeats(
  { heartbeat }: StreamEncoding,
  until: Promise<unknown>,
  everyMs: number,
): AsyncGenerator<string> {
  if (heartbeat === undefined) return;
  while (!(await settledWithin(until, everyMs))) yield heartbeat;
}
