import { expect } from 'chai';
import { FieldMaskError } from '../../../src/repositories/field-mask.js';
import { compileFilter } from '../../../src/repositories/filter/resolve.js';
import { parseOrderBy } from '../../../src/repositories/order-by.js';
import { PageTokenError } from '../../../src/repositories/page-token.js';
import { UnstorableValueError } from '../../../src/repositories/stored-json.js';
import { toServiceError } from '../../../src/repositories/translate-errors.js';
import { OrderNeedsIndexError } from '../../../src/store/query/query.js';

describe('toServiceError()', () => {
  const thrownBy = (refuse: () => unknown): unknown => {
    try {
      return refuse();
    } catch (err) {
      return err;
    }
  };
  const cases: readonly [field: string, description: string, error: unknown][] = [
    ['filter', 'at position 4: expected a value, found the end', thrownBy(() => compileFilter('a = ', new Map()))],
    ['filter', 'at position 0: expected one of the fields', thrownBy(() => compileFilter('a = 1', new Map()))],
    ['order_by', 'at position 0: expected one of the fields', thrownBy(() => parseOrderBy('a', new Map()))],
    ['order_by', 'needs an index', new OrderNeedsIndexError()],
    ['update_mask', 'path "a.b" is unknown', new FieldMaskError('a.b', 'is unknown')],
    ['page_token', 'belongs to another query', new PageTokenError('belongs to another query')],
    ['sizes.total', 'too large', new UnstorableValueError('sizes.total', 'too large')],
  ];
  for (const [field, description, error] of cases) {
    it(`says of ${field}: ${description}`, () => {
      const translated = toServiceError(error);
      expect(translated).to.have.property('reason', 'INVALID_REQUEST');
      expect(translated).to.have.nested.property('details.violations[0].field', field);
      expect(translated).to.have.nested.property('details.violations[0].description').that.includes(description);
    });
  }
});
