/** What a test asks of a process with a ledger. */
export type ProcessCall =
  | { readonly kind: 'get'; readonly key: string }
  | { readonly kind: 'put'; readonly key: string; readonly value: string }
  | { readonly kind: 'swap'; readonly key: string; readonly value: string }
  | { readonly kind: 'follow'; readonly after: number };

export interface ProcessRequest {
  readonly id: number;
  readonly call: ProcessCall;
}

export type ProcessAnswer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'output'; readonly id: number; readonly output: string }
  | { readonly kind: 'failure'; readonly id: number; readonly message: string }
  | { readonly kind: 'followed'; readonly revision: number };
