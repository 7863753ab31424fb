/** Longer keys are cut: a path is there to be read. */
const KEY_CHARS_MAX = 64;

/** Appends the name of a field to the path of the message that holds it. */
export function ofField(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** Appends a key that may be anything; one that is not a plain name stands in backticks, as in a field mask. */
export function ofKey(path: string, key: string): string {
  return ofField(path, /^\w+$/.test(key) ? cut(key) : `\`${cut(key)}\``);
}

/** Appends the place of an item in a list, counted from 0 as the validation rules count. */
export function ofItem(path: string, index: number): string {
  return `${path}[${index}]`;
}

/** Appends the key of a map entry. */
export function ofEntry(path: string, key: string): string {
  return `${path}[${JSON.stringify(cut(key))}]`;
}

function cut(key: string): string {
  if (key.length <= KEY_CHARS_MAX) return key;
  return `${key.slice(0, KEY_CHARS_MAX).toWellFormed()}…`;
}
