import type { JsonObject, JsonValue } from '../../store/json-value.js';
import { ownValue } from '../../store/query/field-value.js';
import { readTimestampText } from '../filter/literals.js';
import type { CollectionSettings } from './settings.js';

// What RFC 3339 can tell.
const YEAR_9999_MS = Date.UTC(9999, 11, 31, 23, 59, 59);

/** From when on a document is gone, by the settings at the time of its write; `undefined` if it never is. */
export function expireTimeOf(fields: JsonObject, settings: CollectionSettings, nowMs: number): string | undefined {
  const times = [byField(fields, settings), byRetention(settings, nowMs)].filter((time) => time !== undefined);
  // Texts of this form stand in the order of time.
  return times.sort()[0];
}

function byField(fields: JsonObject, { ttlKeys }: CollectionSettings): string | undefined {
  if (ttlKeys === undefined) return undefined;
  const found = ttlKeys.reduce<JsonValue | undefined>(
    (value, key) => (value === undefined ? undefined : ownValue(value, key)),
    { fields },
  );
  return typeof found === 'string' ? readTimestampText(found) : undefined;
}

function byRetention({ retentionMs }: CollectionSettings, nowMs: number): string | undefined {
  if (retentionMs === undefined) return undefined;
  return readTimestampText(new Date(Math.min(nowMs + retentionMs, YEAR_9999_MS)).toISOString());
}
