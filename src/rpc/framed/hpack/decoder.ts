import { HeaderField } from './header-field.js';
import { decodeHuffman } from './huffman.js';
import { LiteralMemo } from './literal-memo.js';
import { AUTHORIZATION_INDEX, FIRST_DYNAMIC_INDEX, PATH_INDEX, STATIC_TABLE } from './static-table.js';

/** The size of our dynamic table: SETTINGS_HEADER_TABLE_SIZE, which we leave at its default. */
const TABLE_BYTES_MAX = 4096;
/** Texts that grow to more get a buffer of their own. */
const SCRATCH_BYTES = 16 * 1024;
/** The most bits that Huffman coding takes off a byte, as a ratio: the shortest code has five. */
const HUFFMAN_GROWTH = 8 / 5;
/** Integers beyond 28 bits are no length and no index of anything that we take. */
const INTEGER_SHIFT_MAX = 21;

const NOTHING = Buffer.alloc(0);
/** Nothing is left in it between two texts. */
const SCRATCH = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

/** The block is not HPACK: the connection is lost with it, for the tables of both sides may differ from here. */
export class HpackError extends Error {
  override readonly name = 'HpackError';
}

/** A list of headers as it was sent. */
export interface HeaderList {
  readonly fields: readonly HeaderField[];
  /** What the list takes, with what was left out of it. */
  readonly bytes: number;
}

/** Decodes header blocks (RFC 7541) with the dynamic table of one connection. */
export class HpackDecoder {
  readonly #listBytesMax: number;
  /** The newest field is the last. */
  readonly #table: HeaderField[] = [];
  /** Of the names that libraries keep out of the table, and send in full with every call. */
  readonly #memos = new Map([PATH_INDEX, AUTHORIZATION_INDEX].map((index) => [index, new LiteralMemo()]));
  #tableBytes = 0;
  #tableBytesMax = TABLE_BYTES_MAX;
  #block: Buffer = NOTHING;
  #at = 0;

  /** What goes beyond `listBytesMax` is decoded, for the sake of the table, and counted, but not kept. */
  constructor(listBytesMax: number) {
    this.#listBytesMax = listBytesMax;
  }

  /** Decodes a whole block. Throws {@link HpackError}. */
  decode(block: Buffer): HeaderList {
    const fields: HeaderField[] = [];
    let bytes = 0;
    this.#block = block;
    this.#at = 0;
    while (this.#at < block.length) {
      const field = this.#readField(fields.length > 0);
      if (field === undefined) continue;
      bytes += field.bytes;
      if (bytes <= this.#listBytesMax) fields.push(field);
    }
    this.#block = NOTHING;
    return { fields, bytes };
  }

  /** Reads one representation (section 6). Undefined for a change of the table's size, which is no field. */
  #readField(hasFields: boolean): HeaderField | undefined {
    const first = this.#block[this.#at] ?? 0;
    if (first >= 0x80) return this.#fieldAt(this.#readInteger(7));
    if (first >= 0x40) return this.#remember(this.#readLiteral(this.#readInteger(6)));
    if (first < 0x20) return this.#readUnkept();
    // Only in front of all fields (section 4.2).
    if (hasFields) throw new HpackError('Table changes its size behind a field');
    this.#resize(this.#readInteger(5));
    return undefined;
  }

  /** Reads a literal that is not to enter the table (sections 6.2.2 and 6.2.3). */
  #readUnkept(): HeaderField {
    const index = this.#readInteger(4);
    const memo = this.#memos.get(index);
    if (memo === undefined) return this.#readLiteral(index);
    const start = this.#at;
    const end = this.#skip(this.#readInteger(7));
    const known = memo.find(this.#block, start, end);
    if (known !== undefined) return known;
    this.#at = start;
    const field = this.#readLiteral(index);
    memo.keep(this.#block, start, end, field);
    return field;
  }

  /** Reads what is behind the index of a name, or behind the 0 that says that the name follows. */
  #readLiteral(index: number): HeaderField {
    const name = index === 0 ? this.#readText() : this.#fieldAt(index).name;
    return new HeaderField(name, this.#readText());
  }

  #fieldAt(index: number): HeaderField {
    const field =
      index < FIRST_DYNAMIC_INDEX
        ? STATIC_TABLE[index - 1]
        : this.#table[this.#table.length - 1 - (index - FIRST_DYNAMIC_INDEX)];
    if (field === undefined) throw new HpackError('There is no field at the index');
    return field;
  }

  #remember(field: HeaderField): HeaderField {
    // A field that is larger than the table empties it, and is not in it (section 4.4).
    this.#evictDownTo(this.#tableBytesMax - field.bytes);
    if (field.bytes > this.#tableBytesMax) return field;
    this.#table.push(field);
    this.#tableBytes += field.bytes;
    return field;
  }

  #resize(bytesMax: number): void {
    if (bytesMax > TABLE_BYTES_MAX) throw new HpackError('Table grows beyond its limit');
    this.#tableBytesMax = bytesMax;
    this.#evictDownTo(bytesMax);
  }

  #evictDownTo(bytesMax: number): void {
    while (this.#tableBytes > bytesMax) {
      const oldest = this.#table.shift();
      if (oldest === undefined) return;
      this.#tableBytes -= oldest.bytes;
    }
  }

  /** Section 5.1. */
  #readInteger(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = this.#readByte() & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= INTEGER_SHIFT_MAX; shift += 7) {
      const byte = this.#readByte();
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new HpackError('Integer is too large');
  }

  #readByte(): number {
    const byte = this.#block[this.#at];
    if (byte === undefined) throw new HpackError('Block ends inside a field');
    this.#at += 1;
    return byte;
  }

  /** Passes the bytes of a text, and gives where it ends. */
  #skip(length: number): number {
    this.#at += length;
    if (this.#at > this.#block.length) throw new HpackError('Block ends inside a text');
    return this.#at;
  }

  /** Section 5.2. */
  #readText(): string {
    const isHuffman = (this.#block[this.#at] ?? 0) >= 0x80;
    const length = this.#readInteger(7);
    const from = this.#at;
    const end = this.#skip(length);
    if (!isHuffman) return this.#block.toString('latin1', from, end);
    const needed = Math.ceil(length * HUFFMAN_GROWTH);
    const target = needed <= SCRATCH_BYTES ? SCRATCH : Buffer.allocUnsafe(needed);
    const decoded = decodeHuffman(this.#block, from, end, target);
    if (decoded < 0) throw new HpackError('Text is not Huffman-coded as it says');
    return target.toString('latin1', 0, decoded);
  }
}
