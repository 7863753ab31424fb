import type { IndexDeclaration } from './query.js';

/** An index as its declaration has it: `state, create_time desc`. */
export function orderText({ fields }: IndexDeclaration): string {
  return fields
    .map(({ field, descending }) => {
      const name = field.kind === 'value' ? field.keys.join('.') : field.kind.replace('Time', '_time');
      return descending ? `${name} desc` : name;
    })
    .join(', ');
}
