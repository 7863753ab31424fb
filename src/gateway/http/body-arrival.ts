import type { IncomingMessage, ServerResponse } from 'node:http';
import { ServiceError } from '../../rpc/errors.js';
import { answerLateRequest } from './broken-request.js';
import { hasArrived, hasBody } from './read-body.js';

/**
 * Keeps the time in which the body of a request has to arrive: all of it at once, unless the call reads it in parts. Then
 * only silence counts, for as long as the call waits for more, and its own deadline says how long it may take in all.
 */
export class BodyArrival {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #timeoutMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(request: IncomingMessage, response: ServerResponse, timeoutMs: number) {
    this.#request = request;
    this.#response = response;
    this.#timeoutMs = timeoutMs;
    if (!hasBody(request.headers) || hasArrived(request)) return;
    this.#begin();
    request.once('close', () => clearTimeout(this.#timer));
    // What nobody reads flows away after the answer, and not for ever.
    response.once('finish', () => this.#begin());
  }

  /** Hands the time over to whoever reads in parts, and asks {@link somethingNew} when there is nothing. */
  readInParts(): void {
    clearTimeout(this.#timer);
  }

  /**
   * Resolves when there may be more to read. Throws a ServiceError where for too long nothing has come, and nothing of
   * the answer has gone out either.
   */
  async somethingNew(): Promise<void> {
    const request = this.#request;
    let timer: NodeJS.Timeout | undefined;
    let settle: (() => void) | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        settle = resolve;
        for (const event of EVENTS) request.on(event, resolve);
        let { bytesWritten } = request.socket;
        timer = setTimeout(() => {
          if (bytesWritten === request.socket.bytesWritten) {
            reject(new ServiceError('DEADLINE_EXCEEDED', 'Nothing more of the request came in time'));
          }
          ({ bytesWritten } = request.socket);
          timer?.refresh();
        }, this.#timeoutMs).unref();
      });
    } finally {
      clearTimeout(timer);
      if (settle !== undefined) for (const event of EVENTS) request.off(event, settle);
    }
  }

  #begin(): void {
    clearTimeout(this.#timer);
    if (this.#request.complete) return;
    this.#timer = setTimeout(() => {
      if (!this.#request.complete) answerLateRequest(this.#request.socket, this.#response);
    }, this.#timeoutMs).unref();
  }
}

const EVENTS = ['readable', 'end', 'error', 'close'] as const;
