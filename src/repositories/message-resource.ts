import type { Registry } from '@bufbuild/protobuf';
import type { Ledger } from '../ledger/ledger.js';
import { isOutputOnly, readResource } from '../rpc/contract-options.js';
import { defineResource, type ResourceCodec, type ResourceDefinition, type ResourceSettings } from './definition.js';
import { createMessageCodec, type GeneratedMessage } from './message-codec.js';
import { immutableFieldsOf } from './immutable-fields.js';
import { isKnownField } from './message-schema.js';
import type { Schema } from './filter/schema.js';
import { readFor, type ReadContext } from './read-context.js';
import { createResources, declareResource, type Resources } from './resource.js';

export interface MessageResourceSettings<T> extends Omit<ResourceSettings<T>, 'codec' | 'schema'> {
  /** The full name of the message: `keelson.access.v1.Role`. */
  readonly messageType: string;
}

/** Defines a resource that is a message of a contract, with the codec and the schema that come of the message. */
export function defineMessageResource<T>(
  registry: Registry,
  generated: GeneratedMessage<T>,
  { messageType, ...settings }: MessageResourceSettings<T>,
): ResourceDefinition<T> {
  const codec = codecOfMessage(registry, generated, messageType);
  const message = registry.getMessage(messageType);
  const immutable = message === undefined ? [] : immutableFieldsOf(registry, message);
  return defineResource<T>({ ...settings, codec, schema: codec.schema, immutable });
}

/** Throws TypeError where the contracts know no such message. */
export function codecOfMessage<T>(
  registry: Registry,
  generated: GeneratedMessage<T>,
  messageType: string,
): ResourceCodec<T> & { readonly schema: Schema } {
  const descriptor = registry.getMessage(messageType);
  if (descriptor === undefined) throw new TypeError(`The descriptor image does not know ${messageType}`);
  return createMessageCodec({ generated, descriptor, registry });
}

type ContractWords = 'type' | 'singular' | 'pattern';

/** What a contract does not say of its resource. */
export type OpenSettings<T> = Omit<MessageResourceSettings<T>, ContractWords>;

export interface MessageResourceDeps {
  readonly ledger: Ledger;
  readonly registry: Registry;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Resources that are messages of a contract, with what standard methods need beside them. */
export interface MessageResources<T> extends Resources<T> {
  readonly generated: CompleteMessage<T>;
  /**
   * The same resources for what callers say of them: what the contract calls `OUTPUT_ONLY` is passed over in a content and
   * stays as it is, and a mask may not name it.
   */
  readonly ofCallers: Pick<Resources<T>, 'create' | 'update'>;
  /** The newest revision there is, by which a watch begins with now. */
  newest(context: ReadContext): Promise<number>;
}

/** What ts-proto generates for a message, with what fills in fields that are missing. */
export interface CompleteMessage<T> extends GeneratedMessage<T> {
  fromPartial(object: object): T;
}

/** Defines a resource that is a message of a contract, and makes room for it. To be called in every process before it is used. */
export async function openMessageResources<T>(
  deps: MessageResourceDeps,
  generated: CompleteMessage<T>,
  settings: OpenSettings<T>,
): Promise<MessageResources<T>> {
  const { ledger, registry } = deps;
  const definition = defineMessageResource<T>(registry, generated, { ...namesOf(registry, settings), ...settings });
  await declareResource(ledger, definition);
  return {
    ...createResources(deps, definition),
    generated,
    ofCallers: resourcesOfCallers(deps, definition, settings.messageType),
    newest: (context) => readFor(ledger, context, (options) => ledger.catchUp(options)),
  };
}

/** What `google.api.resource` says of a message. Throws TypeError where it says less than a resource needs. */
function namesOf(
  registry: Registry,
  { messageType }: OpenSettings<never>,
): Pick<MessageResourceSettings<never>, ContractWords> {
  const message = registry.getMessage(messageType);
  const { type, singular, pattern: [pattern] = [] } = (message && readResource(registry, message)) ?? {};
  if (type === undefined || singular === undefined || pattern === undefined)
    throw new TypeError(`The contract of ${messageType} lacks the type, the singular or the pattern of its resource`);
  return { type, singular, pattern };
}

function resourcesOfCallers<T>(
  deps: MessageResourceDeps,
  definition: ResourceDefinition<T>,
  messageType: string,
): MessageResources<T>['ofCallers'] {
  const outputOnly = outputOnlyFields(deps.registry, messageType);
  if (outputOnly.size === 0) return createResources(deps, definition);
  const isOfCallers = ([name]: readonly [name: string, ...unknown[]]) => !outputOnly.has(name);
  const schema = new Map([...definition.schema].filter(isOfCallers));
  const encode = (content: T) =>
    Object.fromEntries(Object.entries(definition.codec.encode(content)).filter(isOfCallers));
  const codec = { ...definition.codec, encode };
  return createResources(deps, { ...definition, schema, codec, leavesUnnamed: true });
}

/** The fields of a resource that only its service sets. */
function outputOnlyFields(registry: Registry, messageType: string): ReadonlySet<string> {
  const fields = registry.getMessage(messageType)?.fields ?? [];
  return new Set(
    fields.filter((field) => isOutputOnly(registry, field) && !isKnownField(field.name)).map(({ name }) => name),
  );
}
