import type { Token } from './lexer.js';

/** A filter as it was written, by the grammar of AIP-160. */
export type Syntax =
  | { readonly kind: 'and' | 'or'; readonly operands: readonly Syntax[] }
  | { readonly kind: 'not'; readonly operand: Syntax }
  | Restriction
  /** A text alone, with nothing that it is compared with. */
  | { readonly kind: 'bare'; readonly literal: Literal };

/** `path comparator argument`. */
export interface Restriction {
  readonly kind: 'restriction';
  readonly path: readonly Name[];
  readonly comparator: string;
  readonly argument: Argument;
}

/** One name of a path. */
export interface Name {
  readonly name: string;
  readonly position: number;
}

export type Argument =
  | {
      readonly kind: 'literal';
      /** The whole text, with wildcards as `*`. */
      readonly text: string;
      /** The text between the wildcards. */
      readonly pieces: readonly string[];
      /** A quoted text is a string, whatever it looks like. */
      readonly quoted: boolean;
      readonly position: number;
    }
  /** `(a OR b)`: the comparison holds for each in turn. */
  | { readonly kind: 'composite'; readonly syntax: Syntax; readonly position: number };

export type Literal = Extract<Argument, { kind: 'literal' }>;

/** How a token is called in a message. */
export function describeToken(token: Token): string {
  return token.kind === 'end' ? 'the end' : `"${token.raw}"`;
}
