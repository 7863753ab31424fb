/**
 * Whether a text is made of the pieces, in order, with anything between them. Each piece is taken where it is found
 * first, so that nothing is tried twice: the time grows with the lengths of the text and the pieces together.
 */
export function matchesPieces(text: string, pieces: readonly string[]): boolean {
  const first = pieces[0] ?? '';
  const last = pieces.at(-1) ?? '';
  if (pieces.length <= 1) return text === first;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let position = first.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = findPiece(text, piece, position);
    if (found < 0 || found + piece.length > end) return false;
    position = found + piece.length;
  }
  return true;
}

/** Up to this length the engine's own search is fast whatever the text. */
const SHORT = 16;

/** The search of Knuth, Morris and Pratt: `indexOf` can take the product of both lengths. */
function findPiece(text: string, piece: string, from: number): number {
  if (piece.length <= SHORT) return text.indexOf(piece, from);
  const borders = bordersOf(piece);
  let matched = 0;
  for (let position = from; position < text.length; position += 1) {
    const unit = text.charCodeAt(position);
    while (matched > 0 && piece.charCodeAt(matched) !== unit) matched = borders[matched - 1] ?? 0;
    if (piece.charCodeAt(matched) === unit) matched += 1;
    if (matched === piece.length) return position - matched + 1;
  }
  return -1;
}

/** For each beginning of the piece, how much of its end is a beginning of the piece as well. */
function bordersOf(piece: string): Uint16Array {
  const borders = new Uint16Array(piece.length);
  let border = 0;
  for (let position = 1; position < piece.length; position += 1) {
    while (border > 0 && piece.charCodeAt(border) !== piece.charCodeAt(position)) border = borders[border - 1] ?? 0;
    if (piece.charCodeAt(border) === piece.charCodeAt(position)) border += 1;
    borders[position] = border;
  }
  return borders;
}
