import type { Write } from '../../ledger/commit.js';
import type { TransactionView } from '../../ledger/transact.js';
import type { JsonObject } from '../../store/json-value.js';
import type { StateDocument } from '../../store/state.js';
import type { ResourceDefinition } from '../definition.js';
import type { Expiry } from '../expiry.js';
import { assertContent } from './content.js';
import { changedContent, type DocumentChange } from './document-changes.js';
import { ContentError, UniqueConflictError } from './errors.js';
import { expireTimeOf } from './expire-time.js';
import {
  assertEntriesFit,
  documentOfEntry,
  entriesOf,
  UNIQUE_KEYS_COLLECTION,
  type IndexEntry,
} from './index-entries.js';
import type { ContentCheck } from './json-schema.js';
import { createNetWrites, type NetWrites } from './net-writes.js';
import { COLLECTIONS_COLLECTION, readSettings, type CollectionSettings } from './settings.js';

/** The definition of documents, as far as writes and walks need it. */
export type DocumentKind = Pick<
  ResourceDefinition<never>,
  'type' | 'singular' | 'collection' | 'pattern' | 'schema' | 'expireTime'
>;

export interface PlanDeps {
  readonly definition: DocumentKind;
  readonly expiry: Expiry;
  /** The check of a collection's schema, which is compiled once for each revision of the settings. */
  readonly checkOf: (collection: string, settings: CollectionSettings) => ContentCheck;
  readonly now: () => number;
}

/** What changes come to: all that has to be written, and for each refused one why. */
export interface ChangePlan {
  readonly writes: readonly Write[];
  readonly refusals: ReadonlyMap<number, unknown>;
}

/**
 * Judges changes of documents of one collection one after another, and says what to write for those that are not refused:
 * the documents, and what changes in the indexes. All that it goes by is read through the view.
 *
 * What follows from a document alone is not looked up: a document that is there has all entries that its value asks for,
 * save those that a build has still to put in, and those of an expired one may have been taken over.
 */
export async function planChanges(
  deps: PlanDeps,
  view: TransactionView,
  { parent, changes }: { readonly parent: string; readonly changes: readonly DocumentChange[] },
): Promise<ChangePlan> {
  const { definition, expiry } = deps;
  const settings = readSettings(await view.get(COLLECTIONS_COLLECTION, parent));
  const states = await view.getMany(
    definition.collection,
    changes.map(({ name }) => name),
  );
  const refusals = new Map<number, unknown>();
  const steps = changes.flatMap((change, position) => {
    try {
      const found = states[position];
      const existing = expiry.isThere(found) ? found : undefined;
      return [toStep(deps, { change, position, found, existing, settings, parent })];
    } catch (err) {
      refusals.set(position, err);
      return [];
    }
  });
  const owners = await readOwners(deps, view, { steps, settings });
  const net = createNetWrites();
  for (const step of steps) {
    const conflict = step.added.find((entry) => isTaken(entry, step.name, owners));
    if (conflict === undefined) apply(step, owners, net, definition.collection);
    else refusals.set(step.position, new UniqueConflictError(step.name, conflict.index.id));
  }
  return { writes: net.writes(), refusals };
}

/** One change, as far as it can be told without other documents. */
interface Step {
  readonly name: string;
  readonly position: number;
  readonly found: StateDocument | undefined;
  readonly value: JsonObject | undefined;
  /** The value as JSON, where the change came with its own. */
  readonly json: string | undefined;
  readonly added: readonly IndexEntry[];
  readonly removed: readonly IndexEntry[];
}

interface StepInput {
  readonly change: DocumentChange;
  readonly position: number;
  /** What is stored, expired or not. */
  readonly found: StateDocument | undefined;
  /** What is there as far as callers can tell. */
  readonly existing: StateDocument | undefined;
  readonly settings: CollectionSettings;
  readonly parent: string;
}

function toStep(deps: PlanDeps, { change, position, found, existing, settings, parent }: StepInput): Step {
  const { definition, checkOf } = deps;
  const { name } = change;
  const nowMs = deps.now();
  const fields = changedContent(change, existing, { kind: definition, schema: definition.schema, nowMs });
  let value: JsonObject | undefined;
  let json: string | undefined;
  if (fields !== undefined) {
    // What is written whole was checked as it came in.
    const isWhole = change.kind === 'put' && fields === change.fields;
    if (!isWhole) assertContent(fields);
    const violations = checkOf(parent, settings)(fields);
    if (violations.length > 0) throw new ContentError(violations);
    const expireTime = expireTimeOf(fields, settings, nowMs);
    value = { fields, ...(expireTime !== undefined && { expire_time: expireTime }) };
    if (isWhole && change.json !== undefined) json = writeValue(change.json, expireTime);
  }
  const before = entriesOf(settings.indexes, found);
  const after = entriesOf(settings.indexes, value && stateOf(definition.collection, name, value));
  assertEntriesFit(after);
  return {
    name,
    position,
    found,
    value,
    json,
    added: without(after, before),
    removed: without(before, after),
  };
}

/** Who has the unique keys that steps ask for, read through the view. */
type Owners = Map<string, { readonly name: string; readonly expired: StateDocument | undefined }>;

interface OwnersInput {
  readonly steps: readonly Step[];
  readonly settings: CollectionSettings;
}

async function readOwners(
  { definition, expiry }: PlanDeps,
  view: TransactionView,
  { steps, settings }: OwnersInput,
): Promise<Owners> {
  const owners: Owners = new Map();
  // What a build has still to put in may be somebody else's: such a key is not taken away with a document.
  const asked = steps.flatMap(({ added, removed }) => [...added, ...removed.filter(isInBuild)]);
  const ids = [...new Set(asked.filter(isUniqueKey).map(({ id }) => id))];
  if (ids.length === 0) return owners;
  const keys = await view.getMany(UNIQUE_KEYS_COLLECTION, ids);
  const held = keys.flatMap((key) => (key === undefined ? [] : [{ id: key.id, name: documentOfEntry(key) }]));
  if (held.length === 0) return owners;
  const documents = await view.getMany(
    definition.collection,
    held.map(({ name }) => name),
  );
  for (const [index, { id, name }] of held.entries()) {
    const document = documents[index];
    // What took documents away without regard to indexes leaves keys that nobody has.
    const isHeld = entriesOf(settings.indexes, document).some((entry) => isUniqueKey(entry) && entry.id === id);
    if (isHeld) owners.set(id, { name, expired: expiry.isThere(document) ? undefined : document });
  }
  return owners;
}

function isTaken(entry: IndexEntry, name: string, owners: Owners): boolean {
  const owner = isUniqueKey(entry) ? owners.get(entry.id) : undefined;
  return owner !== undefined && owner.name !== name && owner.expired === undefined;
}

function writeValue(fields: string, expireTime: string | undefined): string {
  return `{"fields":${fields}${expireTime === undefined ? '' : `,"expire_time":${JSON.stringify(expireTime)}`}}`;
}

function apply(
  { name, value, json, found, added, removed }: Step,
  owners: Owners,
  net: NetWrites,
  collection: string,
): void {
  for (const entry of removed) {
    const owner = owners.get(entry.id);
    if (owner !== undefined && owner.name !== name) continue;
    net.deleteEntry(entry);
    owners.delete(entry.id);
  }
  for (const entry of added) {
    const owner = owners.get(entry.id);
    // A key of an expired document is taken over with the document's end, so that it never has two owners.
    if (owner?.expired !== undefined && owner.name !== name) net.deleteDocument(collection, owner.name);
    net.putEntry(entry, name);
    if (isUniqueKey(entry)) owners.set(entry.id, { name, expired: undefined });
  }
  if (value !== undefined) net.putDocument({ collection, id: name, value, json });
  else if (found !== undefined) net.deleteDocument(collection, name);
}

function isUniqueKey({ collection }: IndexEntry): boolean {
  return collection === UNIQUE_KEYS_COLLECTION;
}

function isInBuild({ index }: IndexEntry): boolean {
  return index.state === 'building';
}

function without(entries: readonly IndexEntry[], others: readonly IndexEntry[]): readonly IndexEntry[] {
  if (others.length === 0) return entries;
  const known = new Set(others.map(({ collection, id }) => `${collection}/${id}`));
  return entries.filter(({ collection, id }) => !known.has(`${collection}/${id}`));
}

// Indexes go by the value alone.
function stateOf(collection: string, id: string, value: JsonObject): StateDocument {
  return { collection, id, value, revision: 0, createRevision: 0, createTime: 0, updateTime: 0 };
}
