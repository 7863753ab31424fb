import type { Field } from '../../store/query/condition.js';
import { FilterError } from './filter-error.js';
import { describeType, type FieldType, type Schema } from './schema.js';
import type { Name } from './syntax.js';

/** What a path of a filter names. */
export interface Target {
  /** The path as it was written. */
  readonly name: string;
  readonly field: Field;
  readonly type: FieldType;
  /** The keys of a part of the value, through lists too; `undefined` for what the ledger knows of the document. */
  readonly keys: readonly string[] | undefined;
}

/** Follows a path through the schema. Only `:` may go through a list. Throws FilterError where there is no such field. */
export function findTarget(path: readonly Name[], schema: Schema, throughLists: boolean): Target {
  const [first, ...rest] = path;
  const found = first && schema.get(first.name);
  if (first === undefined || found === undefined) {
    const names = [...schema.keys()].join(', ');
    throw new FilterError(first?.position ?? 0, `expected one of the fields ${names}, found "${first?.name ?? ''}"`);
  }
  let { type } = found;
  for (const name of rest) type = stepInto(type, name, throughLists);
  const name = path.map((part) => part.name).join('.');
  const { field } = found;
  if (field.kind !== 'value') return { name, field, type, keys: undefined };
  const keys = [...field.keys, ...rest.map((part) => part.name)];
  return { name, field: { kind: 'value', keys }, type, keys };
}

function stepInto(type: FieldType, { name, position }: Name, throughLists: boolean): FieldType {
  switch (type.kind) {
    case 'json':
      return type;
    case 'map':
      return type.value;
    case 'message': {
      const inner = type.fields.get(name);
      if (inner) return inner;
      throw new FilterError(position, `expected one of ${[...type.fields.keys()].join(', ')}, found "${name}"`);
    }
    case 'list':
      if (throughLists) return stepInto(type.element, { name, position }, throughLists);
      throw new FilterError(position, 'expected ":" to look into a list, which "." cannot go through');
    default:
      throw new FilterError(position, `expected a comparator: there is nothing inside ${describeType(type)}`);
  }
}
