import type { Resources } from '../../repositories/resource.js';
import type { AccessPolicies } from '../../repositories/access-policies.js';
import type { CallContext } from '../../rpc/context.js';
import { changeOptions, type RepeatableChange } from '../change-request.js';
import type { AccessDecisions } from './access-decisions.js';
import type { GrantGuard, View } from './grant-guard.js';

export interface AccessDeps {
  readonly policies: AccessPolicies;
  readonly guard: GrantGuard;
  readonly decisions: AccessDecisions;
}

/** What a change makes of one resource: undefined if it is not there. */
export interface ResourceChange<T> {
  readonly before: T | undefined;
  readonly after: T | undefined;
}

type Decide = Parameters<AccessPolicies['change']>[0];
type Writes = Awaited<ReturnType<Decide>>;

export interface PolicyChange<T> {
  readonly resources: Resources<T>;
  readonly request: RepeatableChange;
  /** What to write. May run several times. */
  readonly decide: (view: View) => Promise<Writes>;
  /** Throws to refuse. */
  readonly check: (change: ResourceChange<T>, view: View) => void | Promise<void>;
}

/** Commits one change of who may do what, once it is known what it makes of the resource and that it may. */
export async function changePolicy<T>(
  { policies }: Pick<AccessDeps, 'policies'>,
  ctx: CallContext,
  { resources, request, decide, check }: PolicyChange<T>,
): Promise<T | undefined> {
  const { codec, collection } = resources.definition;
  const [document] = await policies.change(
    async (view) => {
      const writes = await decide(view);
      for (const write of writes) {
        const existing = await view.get(collection, write.id);
        const before = existing && codec.decode(existing);
        await check({ before, after: write.kind === 'put' ? codec.decode(toState(write)) : undefined }, view);
      }
      return writes;
    },
    changeOptions(ctx, request),
  );
  return document && codec.decode(document);
}

type Put = Extract<Writes[number], { kind: 'put' }>;

/** What is to be written, as if it stood already. */
function toState({ collection, id, value }: Put) {
  return { collection, id, value, revision: 0, createRevision: 0, createTime: 0, updateTime: 0 };
}
