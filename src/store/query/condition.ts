/** A value that a condition compares with. */
export type Scalar = string | number | boolean | null;

/** What a condition or an order looks at: a part of the value, or what the ledger knows of the document. */
export type Field =
  | { readonly kind: 'value'; readonly keys: readonly string[] }
  | { readonly kind: 'id' | 'revision' | 'createTime' | 'updateTime' };

export type Comparator = '=' | '<' | '<=' | '>' | '>=';

/**
 * What a document must be to be found. docs/resources.md decides what each means; the predicate, SQL and MongoDB's
 * queries are made from it and agree, which a differential test holds them to.
 */
export type Condition =
  | { readonly kind: 'and' | 'or'; readonly conditions: readonly Condition[] }
  | { readonly kind: 'not'; readonly condition: Condition }
  | Leaf;

export type Leaf = CompareLeaf | MatchLeaf | PresentLeaf | HasLeaf;

/** The value is there, of the type of `value`, and stands to it as the comparator says. */
export interface CompareLeaf {
  readonly kind: 'compare';
  readonly field: Field;
  readonly comparator: Comparator;
  readonly value: Scalar;
}

/** The value is a string made of these pieces, in order, with anything between them: `["a", ""]` begins with `a`. */
export interface MatchLeaf {
  readonly kind: 'match';
  readonly field: Field;
  readonly pieces: readonly string[];
}

/** There is a value, `null` included. */
export interface PresentLeaf {
  readonly kind: 'present';
  readonly field: Field;
}

/** Of the values that the keys lead to, through lists as well, and the elements of those that are lists, one passes. */
export interface HasLeaf {
  readonly kind: 'has';
  readonly keys: readonly string[];
  readonly test: HasTest;
}

export type HasTest =
  | { readonly kind: 'any' }
  /** Equals `value`, or matches the pieces; or is an object that has the key. */
  | {
      readonly kind: 'element';
      readonly value?: Scalar;
      readonly pieces?: readonly string[];
      readonly key?: string;
    };

/** One step of an order. */
export interface OrderField {
  readonly field: Field;
  readonly descending: boolean;
}

/** The condition that every document meets. */
export const EVERYTHING: Condition = { kind: 'and', conditions: [] };
