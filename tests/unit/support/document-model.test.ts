import { expect } from 'chai';
import { DOCUMENT, type DocumentInput, type DocumentOutput } from '../../support/document-model.js';
import { findViolations, type Operation } from '../../support/linearizability.js';

type Call = Operation<DocumentInput, DocumentOutput>;
type Step = readonly [DocumentInput, DocumentOutput];

const CREATE = { kind: 'create', text: 'a' } as const;
const UPDATE = { kind: 'update', text: 'b' } as const;
const GUARDED = { kind: 'update', text: 'c', etagOf: 'a' } as const;
const DONE = { kind: 'done' } as const;

describe('DOCUMENT', () => {
  const right: Record<string, readonly Step[]> = {
    'a life of a document': [
      [CREATE, DONE],
      [GUARDED, DONE],
      [{ kind: 'get' }, { kind: 'read', text: 'c' }],
      [{ kind: 'delete' }, DONE],
      [CREATE, DONE],
    ],
    'refusals that tell the truth': [
      [UPDATE, { kind: 'missing' }],
      [CREATE, DONE],
      [CREATE, { kind: 'exists' }],
      [UPDATE, DONE],
      [GUARDED, { kind: 'changed since' }],
      [{ kind: 'delete', etagOf: 'a' }, { kind: 'changed since' }],
      [{ kind: 'get' }, { kind: 'read', text: 'b' }],
    ],
  };
  const wrong: Record<string, readonly Step[]> = {
    'a create over what is there': [
      [CREATE, DONE],
      [CREATE, DONE],
    ],
    'a create that is refused where nothing is': [[CREATE, { kind: 'exists' }]],
    'an update of what is not there': [[UPDATE, DONE]],
    'an update with an old etag': [
      [CREATE, DONE],
      [UPDATE, DONE],
      [GUARDED, DONE],
    ],
    'a refusal of an etag that is current': [
      [CREATE, DONE],
      [GUARDED, { kind: 'changed since' }],
    ],
    'a stale read': [
      [CREATE, DONE],
      [UPDATE, DONE],
      [{ kind: 'get' }, { kind: 'read', text: 'a' }],
    ],
  };

  for (const [what, steps] of Object.entries(right)) {
    it(`accepts ${what}`, () => expect(findViolations(inTurn(steps), DOCUMENT)).to.deep.equal([]));
  }
  for (const [what, steps] of Object.entries(wrong)) {
    it(`rejects ${what}`, () => expect(findViolations(inTurn(steps), DOCUMENT)).to.deep.equal(['k']));
  }
});

function inTurn(steps: readonly Step[]): Call[] {
  return steps.map(([input, output], n) => ({ key: 'k', input, output, start: 2 * n, end: 2 * n + 1 }));
}
