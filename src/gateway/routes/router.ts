import { ContractError } from '../../rpc/method-table.js';
import { decodeAll, type PathSegments } from './request-target.js';
import type { Template } from './template.js';

/** A route to be served. */
export interface RouteEntry<T> {
  /** The HTTP method in capitals, or `*` for any but OPTIONS that has no route of its own at the same template. */
  readonly httpMethod: string;
  readonly template: Template;
  readonly target: T;
  /** Names the route in the report of a conflict: the full name of its method. */
  readonly label: string;
}

/** What a path leads to. */
export type RouteMatch<T> =
  /** `segments` are those of the request without the verb. */
  | { readonly kind: 'found'; readonly entry: RouteEntry<T>; readonly segments: PathSegments }
  /** The path is known, but not with this HTTP method; `allow` holds those that are, sorted. */
  | { readonly kind: 'method-not-allowed'; readonly allow: readonly string[] }
  | { readonly kind: 'not-found' };

export interface Router<T> {
  find(httpMethod: string, path: PathSegments): RouteMatch<T>;
}

type Ends<T> = Map<string, Map<string, RouteEntry<T>>>;

interface Node<T> {
  readonly literals: Map<string, Node<T>>;
  one: Node<T> | undefined;
  /** Routes that end here, by verb (empty for none) and HTTP method. */
  readonly ends: Ends<T>;
  /** Routes that take the rest of the path from here, by verb and HTTP method. */
  readonly rests: Ends<T>;
}

/**
 * Builds a router whose answers do not depend on the order of the routes: the verb first, then from left to right a
 * literal before `*` before `**`, going back where a branch does not end in a route for the HTTP method. HEAD is served
 * by GET. Paths are case-sensitive; a trailing slash makes another path; an empty segment is a segment, which `*` takes.
 *
 * Throws a {@link ContractError} that names both routes of every pair that no request could tell apart.
 */
export function createRouter<T>(entries: readonly RouteEntry<T>[]): Router<T> {
  const root = createNode<T>();
  const verbs = new Set<string>();
  const mistakes: string[] = [];
  for (const entry of entries) {
    const other = insert(root, entry);
    if (other !== undefined) mistakes.push(conflict(other, entry));
    if (entry.template.verb !== undefined) verbs.add(entry.template.verb);
  }
  if (mistakes.length > 0) throw new ContractError(mistakes.join('\n'));
  return { find: (httpMethod, path) => find(root, verbs, httpMethod, path) };
}

function createNode<T>(): Node<T> {
  return { literals: new Map(), one: undefined, ends: new Map(), rests: new Map() };
}

/** Puts a route into the trie, or gives the one that is there already. */
function insert<T>(root: Node<T>, entry: RouteEntry<T>): RouteEntry<T> | undefined {
  let node = root;
  let isRest = false;
  for (const segment of entry.template.segments) {
    if (segment.kind === 'many') isRest = true;
    else if (segment.kind === 'one') node = node.one ??= createNode();
    else node = getOrAdd(node.literals, segment.text, createNode<T>);
  }
  const ends = isRest ? node.rests : node.ends;
  const byMethod = getOrAdd(ends, entry.template.verb ?? '', () => new Map<string, RouteEntry<T>>());
  const other = byMethod.get(entry.httpMethod);
  if (other === undefined) byMethod.set(entry.httpMethod, entry);
  return other;
}

function getOrAdd<V>(map: Map<string, V>, key: string, create: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const created = create();
  map.set(key, created);
  return created;
}

function conflict<T>(one: RouteEntry<T>, other: RouteEntry<T>): string {
  const [first, second] = [one, other].sort((a, b) => (a.label < b.label ? -1 : 1)) as [RouteEntry<T>, RouteEntry<T>];
  return (
    `Methods ${first.label} and ${second.label} claim the same requests: ` +
    `${first.httpMethod} ${first.template.text} and ${second.httpMethod} ${second.template.text}`
  );
}

interface Search {
  readonly httpMethod: string;
  readonly segments: readonly string[];
  readonly verb: string;
  /** The methods of the routes that match but for their method. */
  others: Set<string> | undefined;
}

function find<T>(root: Node<T>, verbs: ReadonlySet<string>, httpMethod: string, path: PathSegments): RouteMatch<T> {
  let others: Search['others'];
  const withVerb = cutVerb(path, verbs);
  if (withVerb !== undefined) {
    const { verb, segments } = withVerb;
    const search: Search = { httpMethod, segments: segments.decoded, verb, others };
    const entry = walk(root, 0, search);
    if (entry !== undefined) return { kind: 'found', entry, segments };
    ({ others } = search);
  }
  const search: Search = { httpMethod, segments: path.decoded, verb: '', others };
  const entry = walk(root, 0, search);
  if (entry !== undefined) return { kind: 'found', entry, segments: path };
  ({ others } = search);
  return others === undefined ? { kind: 'not-found' } : { kind: 'method-not-allowed', allow: allowed(others) };
}

/** Cuts a known verb off the last segment. An escaped colon belongs to a value, never to a verb. */
function cutVerb(
  { raw, decoded }: PathSegments,
  verbs: ReadonlySet<string>,
): { verb: string; segments: PathSegments } | undefined {
  const last = raw.at(-1) ?? '';
  const colon = last.lastIndexOf(':');
  if (colon === -1 || verbs.size === 0) return undefined;
  const verb = decodeAll(last.slice(colon + 1));
  const value = last.slice(0, colon);
  const text = decodeAll(value);
  if (verb === undefined || text === undefined || !verbs.has(verb)) return undefined;
  return { verb, segments: { raw: raw.with(-1, value), decoded: decoded.with(-1, text) } };
}

/** Each node is visited at most once, for its depth gives its place in the path. */
function walk<T>(node: Node<T>, index: number, search: Search): RouteEntry<T> | undefined {
  const segment = search.segments[index];
  if (segment === undefined) return pick(node.ends, search) ?? pick(node.rests, search);
  const literal = node.literals.get(segment);
  return (
    (literal && walk(literal, index + 1, search)) ??
    (node.one && walk(node.one, index + 1, search)) ??
    pick(node.rests, search)
  );
}

function pick<T>(ends: Ends<T>, search: Search): RouteEntry<T> | undefined {
  const { verb, httpMethod } = search;
  const byMethod = ends.get(verb);
  if (byMethod === undefined) return undefined;
  const entry =
    byMethod.get(httpMethod) ??
    (httpMethod === 'HEAD' ? byMethod.get('GET') : undefined) ??
    (httpMethod === 'OPTIONS' ? undefined : byMethod.get('*'));
  if (entry === undefined) search.others = new Set([...(search.others ?? []), ...byMethod.keys()]);
  return entry;
}

function allowed(methods: ReadonlySet<string>): string[] {
  const all = new Set([...methods].flatMap((name) => (name === '*' ? COMMON_METHODS : [name])));
  all.add('OPTIONS');
  if (all.has('GET')) all.add('HEAD');
  return [...all].sort();
}

/** What stands in an answer for any method. */
const COMMON_METHODS = ['DELETE', 'GET', 'PATCH', 'POST', 'PUT'];
