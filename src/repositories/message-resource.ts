import type { Registry } from '@bufbuild/protobuf';
import { defineResource, type ResourceCodec, type ResourceDefinition, type ResourceSettings } from './definition.js';
import { createMessageCodec, type GeneratedMessage } from './message-codec.js';
import type { Schema } from './filter/schema.js';

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
  return defineResource<T>({ ...settings, codec, schema: codec.schema });
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
