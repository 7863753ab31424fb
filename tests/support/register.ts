import type { Model } from './linearizability.js';

/** A call on one document whose value is a text; '' stands for no document. */
export type RegisterInput =
  | { readonly kind: 'get' }
  | { readonly kind: 'put'; readonly value: string }
  /** Reads, then writes on the condition that nothing came between; gives what it read. */
  | { readonly kind: 'swap'; readonly value: string };

/** One document that calls read and write. */
export const REGISTER: Model<string, RegisterInput, string> = {
  initial: '',
  step: (state, input, output) => {
    switch (input.kind) {
      case 'get':
        return output === undefined || output === state ? state : undefined;
      case 'put':
        return input.value;
      case 'swap':
        return output === undefined || output === state ? input.value : undefined;
    }
  },
};
