import type { Scalar } from '../../store/query/condition.js';
import type { FieldType } from './schema.js';

const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const DURATION = /^-?\d{1,12}(?:\.\d{1,9})?s$/;
const TIMESTAMP = /^(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/;
const NANO_DIGITS = 9;
const MS_PER_MINUTE = 60_000;
const NANOS_PER_MS = 1_000_000;
const MINUTES_PER_HOUR = 60;

/** What a literal stands for where a value of the type is wanted; `undefined` if it is none. */
export function readLiteral(text: string, { quoted, type }: { quoted: boolean; type: FieldType }): Scalar | undefined {
  switch (type.kind) {
    case 'json':
      return quoted ? text : readJsonScalar(text);
    case 'string':
      return text;
    case 'number':
      return quoted ? undefined : readNumber(text);
    case 'boolean':
      return quoted ? undefined : readBoolean(text);
    case 'timestamp':
      return type.stored === 'text' ? readTimestampText(text) : readTimestampMs(text);
    case 'duration':
      return DURATION.test(text) ? Number(text.slice(0, -1)) : undefined;
    case 'enum':
      return type.values.includes(text) ? text : undefined;
    default:
      return undefined;
  }
}

/** A moment as it is stored as text: in UTC, with nine digits, so that the order of texts is that of time. */
export function readTimestampText(text: string): string | undefined {
  const parts = readTimestamp(text);
  if (parts === undefined) return undefined;
  const seconds = new Date(parts.secondMs).toISOString().slice(0, 'YYYY-MM-DDTHH:MM:SS'.length);
  return `${seconds}.${parts.nanos.toString().padStart(NANO_DIGITS, '0')}Z`;
}

function readTimestampMs(text: string): number | undefined {
  const parts = readTimestamp(text);
  return parts && parts.secondMs + parts.nanos / NANOS_PER_MS;
}

function readTimestamp(text: string): { readonly secondMs: number; readonly nanos: number } | undefined {
  const [, date, time, fraction = '', sign, hours, minutes] = TIMESTAMP.exec(text) ?? [];
  if (date === undefined || time === undefined) return undefined;
  const local = Date.parse(`${date}T${time}Z`);
  // Date.parse takes the 30th of February for the 2nd of March.
  if (Number.isNaN(local) || !new Date(local).toISOString().startsWith(date)) return undefined;
  const offset = (Number(hours ?? 0) * MINUTES_PER_HOUR + Number(minutes ?? 0)) * MS_PER_MINUTE;
  const secondMs = sign === '-' ? local + offset : local - offset;
  const year = new Date(secondMs).getUTCFullYear();
  if (year < 1 || year > 9999) return undefined;
  return { secondMs, nanos: Number(fraction.padEnd(NANO_DIGITS, '0')) };
}

function readJsonScalar(text: string): Scalar {
  if (text === 'null') return null;
  return readBoolean(text) ?? readNumber(text) ?? text;
}

function readBoolean(text: string): boolean | undefined {
  return text === 'true' || text === 'false' ? text === 'true' : undefined;
}

function readNumber(text: string): number | undefined {
  if (!NUMBER.test(text)) return undefined;
  const value = Number(text);
  if (!Number.isFinite(value)) return undefined;
  // Minus zero is zero, as in what is stored.
  return value === 0 ? 0 : value;
}
