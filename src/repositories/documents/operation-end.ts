import { readTimestampText } from '../filter/literals.js';
import type { OperationContent, OperationOutcome } from './operations.js';

const DAY_MS = 24 * 60 * 60 * 1_000;

/** How long the end of an operation can be read. */
export const OPERATION_KEPT_MS = 7 * DAY_MS;

export interface OperationEnd {
  readonly outcome: OperationOutcome;
  readonly problem?: string;
}

/** An operation that has come to its end. */
export function finished(content: OperationContent, end: OperationEnd, nowMs: number): OperationContent {
  const expireTime = readTimestampText(new Date(nowMs + OPERATION_KEPT_MS).toISOString());
  return { ...content, ...end, expire_time: expireTime };
}
