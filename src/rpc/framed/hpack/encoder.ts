import { FIELD_OVERHEAD_BYTES } from './header-field.js';
import { FIRST_DYNAMIC_INDEX, STATUS_OK_INDEX } from './static-table.js';

/** What the peer's dynamic table may hold before it says otherwise: the default of SETTINGS_HEADER_TABLE_SIZE. */
const PEER_TABLE_BYTES = 4096;
const BLOCK_BYTES_FIRST = 1024;
/** A text up to this length is written faster here than by a call into Node. */
const SHORT_LENGTH_MAX = 24;
/** The longest integer that a length takes, and the byte that says what follows. */
const LENGTH_BYTES_MAX = 6;

/** The fields of nearly every answer, which are worth a place in the peer's table. */
export type KnownFields = ReadonlyMap<string, string>;

/**
 * Encodes header blocks (RFC 7541) for one connection. Only the known fields ever enter the peer's table, each when it is
 * first sent: the table never evicts, and needs no bookkeeping but where each of them is. All else goes as it is.
 */
export class HpackEncoder {
  readonly #known: KnownFields;
  readonly #knownBytes: number;
  /** Which of the fields in the table each known one is, from 1 on. */
  readonly #numbers = new Map<string, number>();
  #tableBytesMax: number | undefined;
  #peerTableBytes = PEER_TABLE_BYTES;
  #block = Buffer.allocUnsafe(BLOCK_BYTES_FIRST);
  #length = 0;

  constructor(known: KnownFields) {
    this.#known = known;
    this.#knownBytes = [...known].reduce(
      (sum, [name, value]) => sum + name.length + value.length + FIELD_OVERHEAD_BYTES,
      0,
    );
  }

  /** Takes the peer's SETTINGS_HEADER_TABLE_SIZE. What was small once is taken as small for good. */
  setPeerTableBytes(bytes: number): void {
    this.#peerTableBytes = Math.min(this.#peerTableBytes, bytes);
  }

  /** Begins a block. What it gives is good until the next one begins. */
  begin(): this {
    this.#length = 0;
    const wanted = this.#peerTableBytes < this.#knownBytes ? 0 : this.#knownBytes;
    // The peer hears of each change (section 4.2).
    if (this.#tableBytesMax === undefined || wanted < this.#tableBytesMax) {
      this.#tableBytesMax = wanted;
      this.#numbers.clear();
      this.#reserve(LENGTH_BYTES_MAX);
      this.#writeInteger(0x20, 5, wanted);
    }
    return this;
  }

  /** Adds a field. The name is in lower case; the value has one character a byte. */
  add(name: string, value: string): this {
    this.#reserve(2 * LENGTH_BYTES_MAX + name.length + value.length);
    if (name === ':status' && value === '200') {
      this.#writeInteger(0x80, 7, STATUS_OK_INDEX);
      return this;
    }
    const number = this.#numbers.get(name);
    if (this.#known.get(name) !== value || this.#tableBytesMax === 0) {
      this.#writeLiteral(0x00, name, value);
    } else if (number === undefined) {
      this.#numbers.set(name, this.#numbers.size + 1);
      this.#writeLiteral(0x40, name, value);
    } else {
      this.#writeInteger(0x80, 7, FIRST_DYNAMIC_INDEX + this.#numbers.size - number);
    }
    return this;
  }

  /** The length of the block. */
  get length(): number {
    return this.#length;
  }

  /** Copies the bytes of the block from `start` to `end`. */
  copyTo(target: Buffer, at: number, start: number, end: number): void {
    this.#block.copy(target, at, start, end);
  }

  #writeLiteral(kind: number, name: string, value: string): void {
    this.#block[this.#length] = kind;
    this.#length += 1;
    this.#writeText(name);
    this.#writeText(value);
  }

  #writeText(text: string): void {
    this.#writeInteger(0x00, 7, text.length);
    if (text.length > SHORT_LENGTH_MAX) {
      this.#length += this.#block.write(text, this.#length, 'latin1');
      return;
    }
    for (let i = 0; i < text.length; i += 1) this.#block[this.#length + i] = text.charCodeAt(i);
    this.#length += text.length;
  }

  /** Section 5.1. */
  #writeInteger(kind: number, prefixBits: number, value: number): void {
    const mask = (1 << prefixBits) - 1;
    if (value < mask) {
      this.#block[this.#length] = kind | value;
      this.#length += 1;
      return;
    }
    this.#block[this.#length] = kind | mask;
    this.#length += 1;
    let rest = value - mask;
    for (; rest >= 0x80; rest >>>= 7) {
      this.#block[this.#length] = 0x80 | (rest & 0x7f);
      this.#length += 1;
    }
    this.#block[this.#length] = rest;
    this.#length += 1;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#block.length) return;
    const grown = Buffer.allocUnsafe(Math.max(2 * this.#block.length, this.#length + bytes));
    this.#block.copy(grown, 0, 0, this.#length);
    this.#block = grown;
  }
}
