import { ServiceError } from './errors.js';
import type { Method } from './method-table.js';
import type { CallLimits } from './policy.js';

/** What each limit is called in the contract, which an error that comes of it names. */
const NAMES = {
  requestBytesMax: 'request_bytes_max',
  responseBytesMax: 'response_bytes_max',
  requestMessagesMax: 'request_messages_max',
  responseMessagesMax: 'response_messages_max',
} as const satisfies Record<keyof CallLimits, string>;

/** Throws MESSAGE_TOO_LARGE where the contract of the method allows fewer bytes. */
export function assertSize(method: Method, limit: 'requestBytesMax' | 'responseBytesMax', bytes: number): void {
  const max = method.policy.limits?.[limit] ?? Infinity;
  if (bytes <= max) return;
  const what = limit === 'requestBytesMax' ? 'Request' : 'Answer';
  throw contractLimitError('MESSAGE_TOO_LARGE', `${what} has ${bytes} bytes, which is more than`, {
    method,
    limit,
    max,
  });
}

/** Counts the messages of one stream; throws LIMIT_EXCEEDED at one more than the contract of the method allows. */
export function countUpTo(method: Method, limit: 'requestMessagesMax' | 'responseMessagesMax'): { count(): void } {
  const max = method.policy.limits?.[limit] ?? Infinity;
  let messages = 0;
  return {
    count() {
      messages += 1;
      if (messages <= max) return;
      const what = limit === 'requestMessagesMax' ? 'Requests' : 'Answers';
      throw contractLimitError('LIMIT_EXCEEDED', `${what} of the call are more messages than`, { method, limit, max });
    },
  };
}

function contractLimitError(
  reason: 'MESSAGE_TOO_LARGE' | 'LIMIT_EXCEEDED',
  beginning: string,
  { method, limit, max }: { method: Method; limit: keyof CallLimits; max: number },
): ServiceError {
  const name = NAMES[limit];
  return new ServiceError(reason, `${beginning} the contract of ${method.descriptor.name} allows (${name}: ${max})`, {
    metadata: { limit: name, max: String(max) },
  });
}
