import { readBearerToken } from './access.js';

/** Headers whose tokens are remembered, and how long they may be: what is no token of ours must not cost memory. */
const HEADERS_MAX = 1000;
const HEADER_LENGTH_MAX = 1024;

/**
 * Makes what reads the tokens of `authorization` headers. Nearly each header is one that came before, and gives the text that it
 * gave then: one that is equal would cost more to look up.
 */
export function createBearerReader(): typeof readBearerToken {
  const tokens = new Map<string, string>();
  return (header) => {
    const known = tokens.get(header);
    if (known !== undefined) return known;
    const token = readBearerToken(header);
    if (token === undefined || header.length > HEADER_LENGTH_MAX) return token;
    if (tokens.size >= HEADERS_MAX) tokens.clear();
    tokens.set(header, token);
    return token;
  };
}
