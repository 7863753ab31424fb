import { createHash } from 'node:crypto';
import type { JsonObject } from './json-value.js';

/** One stored record of the log: a batch of commits, chained to the entry before it. */
export interface Entry {
  /** The revision of its first commit, and its key. */
  readonly first: number;
  /** The revision of its last commit. */
  readonly last: number;
  /** Milliseconds since 1970; never less than in the entry before. All its commits have this time. */
  readonly time: number;
  /** Random; tells whose entry took a place when the answer to an append was lost. */
  readonly batchId: string;
  readonly previousHash: string;
  readonly hash: string;
  /** The commits as JSON text. Hashed as these bytes, so no other form may be stored in its place. */
  readonly body: string;
}

/** One atomic change. */
export interface Commit {
  readonly revision: number;
  readonly time: number;
  readonly request?: CommitRequest;
  readonly writes: readonly CommitWrite[];
}

/** Names a change so that a repeat of it is recognised. */
export interface CommitRequest {
  readonly caller: string;
  readonly id: string;
  /** Tells whether a repeat asks for the same change. */
  readonly fingerprint: string;
}

export type CommitWrite = PutWrite | DeleteWrite;

export interface PutWrite {
  readonly kind: 'put';
  readonly collection: string;
  readonly id: string;
  readonly value: JsonObject;
  readonly createRevision: number;
  readonly createTime: number;
}

export interface DeleteWrite {
  readonly kind: 'delete';
  readonly collection: string;
  readonly id: string;
}

/** What an entry is made of before it is chained. */
export interface EntryDraft {
  readonly time: number;
  readonly batchId: string;
  readonly previousHash: string;
  readonly commits: readonly Commit[];
  /** The same as `encodeCommit` writes them, where the caller has that. */
  readonly encoded?: readonly string[];
}

/** Chains a batch of commits, which must not be empty, to the entry before. */
export function sealEntry(draft: EntryDraft): Entry {
  const first = draft.commits[0]?.revision;
  const last = draft.commits.at(-1)?.revision;
  if (first === undefined || last === undefined) throw new RangeError('Cannot seal an entry: it has no commits');
  const { time, batchId, previousHash } = draft;
  const encoded = draft.encoded ?? draft.commits.map((commit) => encodeCommit(commit));
  const body = `{"commits":[${encoded.join(',')}]}`;
  const unsealed = { first, last, time, batchId, previousHash, body };
  return { ...unsealed, hash: hashOfEntry(unsealed) };
}

/** SHA-256 in hex over the header lines and the body; docs/ledger.md tells the form. */
export function hashOfEntry(entry: Omit<Entry, 'hash'>): string {
  const { previousHash, first, last, time, batchId, body } = entry;
  return createHash('sha256')
    .update(`keelson-entry-1\n${previousHash}\n${first}\n${last}\n${time}\n${batchId}\n`)
    .update(body)
    .digest('hex');
}

/** What the first entry of a database chains to. */
export function genesisHash(databaseId: string): string {
  return createHash('sha256').update(`keelson-genesis-1\n${databaseId}\n`).digest('hex');
}

/** The commits of an entry. Throws a SyntaxError if the body is not what `sealEntry` wrote. */
export function decodeCommits(entry: Entry): readonly Commit[] {
  const body: unknown = JSON.parse(entry.body);
  if (!isBody(body)) throw new SyntaxError(`Cannot read entry ${entry.first}: its body has no commits`);
  return body.commits.map((commit) => ({ ...commit, time: entry.time }));
}

// The time stands once, in the header of the entry.
type StoredCommit = Omit<Commit, 'time'>;

/** A commit as it stands in the body of an entry. `values` are those of its writes as JSON, where the caller has them. */
export function encodeCommit(
  { revision, request, writes }: StoredCommit,
  values: readonly (string | undefined)[] = [],
): string {
  const head = `{"revision":${revision}${request === undefined ? '' : `,"request":${JSON.stringify(request)}`}`;
  return `${head},"writes":[${writes.map((write, index) => encodeWrite(write, values[index])).join(',')}]}`;
}

function encodeWrite(write: CommitWrite, value: string | undefined): string {
  if (write.kind === 'delete' || value === undefined) return JSON.stringify(write);
  const { collection, id, createRevision, createTime } = write;
  const name = `"kind":"put","collection":${JSON.stringify(collection)},"id":${JSON.stringify(id)}`;
  return `{${name},"value":${value},"createRevision":${createRevision},"createTime":${createTime}}`;
}

// The hash vouches for what is inside; this only tells an entry from something else.
function isBody(body: unknown): body is { commits: StoredCommit[] } {
  return typeof body === 'object' && body !== null && 'commits' in body && Array.isArray(body.commits);
}
