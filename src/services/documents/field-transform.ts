import type { FieldTransform as WireTransform } from '../../../gen/keelson/documents/v1/transform.js';
import type { FieldTransform } from '../../repositories/documents/transforms.js';
import { invalidRequest } from '../../rpc/errors.js';
import type { JsonValue } from '../../store/json-value.js';
import { readFields } from './document-fields.js';

/** Reads a transform. Throws INVALID_REQUEST for values that cannot be stored. */
export function toTransform({ field, transform }: WireTransform, at: string): FieldTransform {
  switch (transform?.$case) {
    case 'increment':
    case 'minimum':
    case 'maximum':
      return { field, kind: transform.$case, value: transform.value };
    case 'appendMissing':
    case 'removeAll':
      return { field, kind: transform.$case, values: readList(transform.value ?? [], `${at}.${transform.$case}`) };
    case 'serverTime':
      return { field, kind: 'serverTime' };
    case undefined:
      throw invalidRequest([{ field: at, description: 'must say how the field changes' }]);
  }
}

function readList(values: readonly unknown[], at: string): readonly JsonValue[] {
  return readFields(at, { values })['values'] as readonly JsonValue[];
}
