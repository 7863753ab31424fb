/** How many bits the code of each byte has, and last that of EOS (RFC 7541, Appendix B). */
// prettier-ignore
const CODE_BITS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];

/*
 * The code is canonical: codes of one length follow each other in the order of their symbols, so the lengths say all. The
 * decoder walks its tree four bits at a time. No code is shorter than five bits, so a step ends at most one symbol.
 */
const EOS = 256;
const STEP_BITS = 4;
const STEPS = 1 << STEP_BITS;
const NO_SYMBOL = -1;
const FAILED = 0xffff;
/** Padding is the most significant bits of EOS, and shorter than a byte (section 5.2). */
const PADDING_BITS_MAX = 7;

/** An inner node of the tree. A child is another, or a symbol. */
interface Node {
  readonly id: number;
  /** True where the bits so far may be padding. */
  readonly isPadding: boolean;
  readonly children: (Node | number)[];
}

interface Steps {
  /** The node that each node and the next four bits lead to, or FAILED. */
  readonly next: Uint16Array;
  /** The symbol that ends on the way, or NO_SYMBOL. */
  readonly symbol: Int16Array;
  /** Which nodes a text may end at. */
  readonly mayEnd: Uint8Array;
}

const STEPS_OF_CODE = tabulate(growTree());

/** Decodes a text into `target`, which must have room for 8/5 of its length. Gives its length there, or -1 for what is no code. */
export function decodeHuffman(source: Buffer, start: number, end: number, target: Buffer): number {
  const { next, symbol, mayEnd } = STEPS_OF_CODE;
  let node = 0;
  let length = 0;
  for (let i = start; i < end; i += 1) {
    const byte = source[i] ?? 0;
    for (let shift = STEP_BITS; shift >= 0; shift -= STEP_BITS) {
      const step = node * STEPS + ((byte >> shift) & (STEPS - 1));
      const ended = symbol[step] ?? NO_SYMBOL;
      if (ended !== NO_SYMBOL) {
        target[length] = ended;
        length += 1;
      }
      node = next[step] ?? FAILED;
      if (node === FAILED) return -1;
    }
  }
  return mayEnd[node] === 1 ? length : -1;
}

/** Gives all inner nodes, the root first. */
function growTree(): readonly Node[] {
  const root: Node = { id: 0, isPadding: true, children: [] };
  const nodes = [root];
  const symbols = CODE_BITS.map((bits, symbol) => ({ bits, symbol })).toSorted(
    (a, b) => a.bits - b.bits || a.symbol - b.symbol,
  );
  let code = 0;
  let codeBits = 0;
  for (const { bits, symbol } of symbols) {
    code <<= bits - codeBits;
    codeBits = bits;
    let node = root;
    for (let depth = 1; depth < bits; depth += 1) {
      const bit = (code >> (bits - depth)) & 1;
      let child = node.children[bit];
      if (typeof child !== 'object') {
        const isPadding = node.isPadding && bit === 1 && depth <= PADDING_BITS_MAX;
        child = { id: nodes.length, isPadding, children: [] };
        nodes.push(child);
        node.children[bit] = child;
      }
      node = child;
    }
    node.children[code & 1] = symbol;
    code += 1;
  }
  return nodes;
}

function tabulate(nodes: readonly Node[]): Steps {
  const next = new Uint16Array(nodes.length * STEPS);
  const symbol = new Int16Array(nodes.length * STEPS).fill(NO_SYMBOL);
  for (const node of nodes) {
    for (let bits = 0; bits < STEPS; bits += 1) {
      const step = node.id * STEPS + bits;
      const { end, ended } = walk(nodes, node, bits);
      next[step] = end?.id ?? FAILED;
      if (ended !== undefined) symbol[step] = ended;
    }
  }
  return { next, symbol, mayEnd: Uint8Array.from(nodes, ({ isPadding }) => (isPadding ? 1 : 0)) };
}

/** Goes down by four bits, and on from the root where a symbol ends. EOS itself leads nowhere. */
function walk(nodes: readonly Node[], from: Node, bits: number): { end: Node | undefined; ended: number | undefined } {
  let node: Node | undefined = from;
  let ended: number | undefined;
  for (let shift = STEP_BITS - 1; shift >= 0; shift -= 1) {
    const child: Node | number | undefined = node?.children[(bits >> shift) & 1];
    if (typeof child === 'number' && child !== EOS) ended = child;
    if (typeof child === 'number') node = child === EOS ? undefined : nodes[0];
    else node = child;
    if (node === undefined) break;
  }
  return { end: node, ended };
}
