/**
 * Chooses from the media types that can be sent the one that an Accept header likes best (RFC 9110, 12.5.1); the first
 * of equals. Gives the first one where the header likes none: an answer in another form still beats none.
 */
export function chooseMediaType<T extends string>(accept: string | undefined, offered: readonly [T, ...T[]]): T {
  if (accept === undefined) return offered[0];
  const ranges = accept.split(',').map(parseRange);
  let best = { type: offered[0], quality: 0 };
  for (const type of offered) {
    const quality = qualityOf(type, ranges);
    if (quality > best.quality) best = { type, quality };
  }
  return best.type;
}

/** A compression that can be sent. */
export type Encoding = 'br' | 'gzip';

/**
 * Chooses the compression that an Accept-Encoding header likes best (RFC 9110, 12.5.3); brotli of equals, for it is the
 * smaller. Undefined when the answer had better not be compressed.
 */
export function chooseEncoding(acceptEncoding: string | undefined): Encoding | undefined {
  if (acceptEncoding === undefined) return undefined;
  const ranges = acceptEncoding.split(',').map(parseRange);
  const qualityOfName = (name: string, otherwise: number) =>
    (ranges.find(({ range }) => range === name) ?? ranges.find(({ range }) => range === '*'))?.quality ?? otherwise;
  const brotli = qualityOfName('br', 0);
  const gzip = qualityOfName('gzip', 0);
  const best = Math.max(brotli, gzip);
  const asItIs = ranges.find(({ range }) => range === 'identity')?.quality ?? 0;
  if (best === 0 || asItIs > best) return undefined;
  return brotli === best ? 'br' : 'gzip';
}

interface MediaRange {
  readonly range: string;
  readonly quality: number;
}

function parseRange(text: string): MediaRange {
  const [range = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const weight = parameters.find((parameter) => parameter.startsWith('q='));
  const quality = weight === undefined ? 1 : Number.parseFloat(weight.slice(2));
  return { range, quality: Number.isNaN(quality) ? 0 : quality };
}

/** The most specific range that covers a type speaks for it. */
function qualityOf(type: string, ranges: readonly MediaRange[]): number {
  const group = `${type.slice(0, type.indexOf('/'))}/*`;
  for (const wanted of [type, group, '*/*']) {
    const found = ranges.find(({ range }) => range === wanted);
    if (found !== undefined) return found.quality;
  }
  return 0;
}
