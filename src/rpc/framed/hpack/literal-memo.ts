import type { HeaderField } from './header-field.js';

const FIELDS_MAX = 4;
/** So long a value may be, as it is coded, to be remembered. */
const VALUE_BYTES_MAX = 512;

interface Literal {
  readonly coded: Buffer;
  readonly field: HeaderField;
}

/**
 * Remembers the last fields of one name that came as literals, by their coded values: to decode and to check a token costs more
 * than to see that it came before.
 */
export class LiteralMemo {
  readonly #literals: Literal[] = [];
  #next = 0;

  /** Gives what the value from `start` to `end` of a block was decoded to. */
  find(block: Buffer, start: number, end: number): HeaderField | undefined {
    for (const { coded, field } of this.#literals) {
      if (coded.length === end - start && isSame(coded, block, start)) return field;
    }
    return undefined;
  }

  keep(block: Buffer, start: number, end: number, field: HeaderField): void {
    if (end - start > VALUE_BYTES_MAX) return;
    this.#literals[this.#next] = { coded: Buffer.from(block.subarray(start, end)), field };
    this.#next = (this.#next + 1) % FIELDS_MAX;
  }
}

/** Looks to the end, whatever differs: the time that it takes tells nobody how the token of another begins. */
function isSame(coded: Buffer, block: Buffer, start: number): boolean {
  let difference = 0;
  for (let i = 0; i < coded.length; i += 1) difference |= (coded[i] ?? 0) ^ (block[start + i] ?? 0);
  return difference === 0;
}
