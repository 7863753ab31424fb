const SLOT = Symbol('what was made of it');

/** What was made last of frozen data, and by what. It is not part of the data, and goes when the data goes. */
interface Slot {
  by: unknown;
  made: unknown;
}

interface Frozen {
  readonly [SLOT]?: Slot;
}

/**
 * Makes data unchangeable through and through, and tells whether it is. Only plain data can be: what holds a map, a date
 * or bytes stays as it was, for freezing those keeps nobody from changing them.
 */
export function freezeDeep(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return typeof value !== 'function';
  if (SLOT in value) return true;
  if (!isPlainData(value)) return false;
  const slot: Slot = { by: undefined, made: undefined };
  if (Object.isExtensible(value)) Object.defineProperty(value, SLOT, { value: slot });
  freezePlainData(value);
  return true;
}

/**
 * Makes a function remember what it made last of data that {@link freezeDeep} froze, for as long as that is held. Everybody
 * gets the same, so it is frozen as well; results that cannot be are made anew each time.
 */
export function remembering<S extends object, T>(make: (source: S) => T): (source: S) => T {
  return (source) => {
    const slot = slotOf(source);
    if (slot === undefined) return make(source);
    // Only what this function made stands there under its name.
    if (slot.by === make) return slot.made as T;
    const made = make(source);
    if (freezeDeep(made)) Object.assign(slot, { by: make, made });
    return made;
  };
}

/** The same for bytes, which cannot be frozen: nobody who gets them may change them. */
export function rememberingBytes(make: (source: object) => Uint8Array): (source: object) => Uint8Array {
  return (source) => {
    const slot = slotOf(source);
    if (slot === undefined) return make(source);
    if (slot.by !== make) Object.assign(slot, { by: make, made: make(source) });
    return slot.made as Uint8Array;
  };
}

function slotOf(source: Frozen): Slot | undefined {
  return source[SLOT];
}

function isPlainData(value: unknown): boolean {
  if (typeof value === 'function') return false;
  if (typeof value !== 'object' || value === null) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain = Array.isArray(value) || prototype === Object.prototype || prototype === null;
  return isPlain && (SLOT in value || Object.values(value).every(isPlainData));
}

function freezePlainData(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  for (const child of Object.values(value)) freezePlainData(child);
  Object.freeze(value);
}
