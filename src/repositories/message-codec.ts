import {
  fromBinary,
  fromJson,
  toBinary,
  toJson,
  type DescMessage,
  type JsonValue as MessageJson,
  type Message,
  type Registry,
} from '@bufbuild/protobuf';
import type { JsonObject } from '../store/json-value.js';
import type { StateDocument } from '../store/state.js';
import type { ResourceCodec } from './definition.js';
import { etagOf } from './etag.js';
import { isKnownField, schemaOfMessage, typeOfMessage } from './message-schema.js';
import type { Schema } from './filter/schema.js';
import { fromStoredJson, toStoredJson, UnstorableValueError } from './stored-json.js';

/** What ts-proto generates for a message. */
export interface GeneratedMessage<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(input: Uint8Array): T;
}

export interface MessageSource<T> {
  readonly generated: GeneratedMessage<T>;
  readonly descriptor: DescMessage;
  readonly registry: Registry;
}

/**
 * Makes the codec and the schema of a resource that is a generated message. It is stored as JSON under the names of its
 * contract, so that people can read and query it, without what the ledger knows: `name`, `etag`, `create_time`,
 * `update_time` and `revision`, which come from there. `encode` throws UnstorableValueError.
 */
export function createMessageCodec<T>(source: MessageSource<T>): ResourceCodec<T> & { readonly schema: Schema } {
  const { generated, descriptor, registry } = source;
  const type = typeOfMessage(descriptor);
  const names = new Set(descriptor.fields.map(({ name }) => name));
  return {
    schema: schemaOfMessage(descriptor),
    encode: (message) => {
      const parsed = fromBinary(descriptor, generated.encode(message).finish());
      const json = writeJson(descriptor, parsed, registry);
      const content = Object.entries(json as JsonObject).filter(([name]) => !isKnownField(name));
      return toStoredJson(type, Object.fromEntries(content), '') as JsonObject;
    },
    decode: (state) => {
      const known = Object.entries(knownFields(state)).filter(([name]) => names.has(name));
      const content = fromStoredJson(type, state.value) as JsonObject;
      // What a newer release has stored is passed over.
      const options = { registry, ignoreUnknownFields: true };
      const message = fromJson(descriptor, { ...content, ...Object.fromEntries(known) } as MessageJson, options);
      return generated.decode(toBinary(descriptor, message));
    },
  };
}

/** Times outside of years 1 to 9999 and the like have no form in JSON. */
function writeJson(descriptor: DescMessage, message: Message, registry: Registry): MessageJson {
  try {
    return toJson(descriptor, message, { useProtoFieldName: true, alwaysEmitImplicit: true, registry });
  } catch (err) {
    throw new UnstorableValueError('', `cannot be written as JSON: ${err instanceof Error ? err.message : ''}`);
  }
}

function knownFields({ id, revision, createTime, updateTime }: StateDocument): Readonly<Record<string, string>> {
  return {
    name: id,
    etag: etagOf(revision),
    revision: String(revision),
    create_time: new Date(createTime).toISOString(),
    update_time: new Date(updateTime).toISOString(),
  };
}
