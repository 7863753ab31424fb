/** Any JSON value. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

/** A JSON object. Any string is a key, `__proto__`, `$where` and `a.b` included. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}
