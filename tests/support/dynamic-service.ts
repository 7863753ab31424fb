import { create, fromBinary, toBinary, type DescMessage, type FileRegistry, type Message } from '@bufbuild/protobuf';
import type { AnyHandler, MessageCodec, ServiceImplementation } from '../../src/rpc/service.js';
import { OPEN_POLICY } from './call-fixture.js';

/** Implements a service of a registry without generated code: messages are as protobuf-es has them, answers may be partial. */
export function dynamicService(
  registry: FileRegistry,
  typeName: string,
  handlers: Readonly<Record<string, AnyHandler>>,
): ServiceImplementation {
  const service = registry.getService(typeName);
  if (service === undefined) throw new Error(`The registry has no service ${typeName}`);
  const methods = service.methods.map(({ name, localName, methodKind, input, output }) => {
    const requestStream = methodKind === 'client_streaming' || methodKind === 'bidi_streaming';
    const responseStream = methodKind === 'server_streaming' || methodKind === 'bidi_streaming';
    const definition = {
      name,
      requestType: codecOf(input),
      requestStream,
      responseType: codecOf(output),
      responseStream,
      options: {},
    };
    return [localName, definition] as const;
  });
  const definition = { name: service.name, fullName: typeName, methods: Object.fromEntries(methods) };
  const all = Object.fromEntries(service.methods.map(({ localName }) => [localName, handlers[localName] ?? missing]));
  return { definition, handlers: all, policy: OPEN_POLICY };
}

function missing(): never {
  throw new Error('The test has no handler for this method');
}

function codecOf(schema: DescMessage): MessageCodec<unknown> {
  return {
    encode: (message) => ({ finish: () => toBinary(schema, create(schema, message as never) as Message) }),
    decode: (bytes) => fromBinary(schema, bytes),
    fromPartial: (message) => message,
  };
}
