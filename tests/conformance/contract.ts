import {
  create,
  createFileRegistry,
  fromBinary,
  fromJson,
  setExtension,
  type DescExtension,
  type DescMessage,
  type FileRegistry,
  type JsonValue,
  type Message,
} from '@bufbuild/protobuf';
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MethodOptionsSchema,
  type FileDescriptorSet,
} from '@bufbuild/protobuf/wkt';
import { readFileSync } from 'node:fs';
import { DESCRIPTOR_IMAGE } from '../../src/package-files.js';

const PACKAGE = 'connectrpc.conformance.v1';

/** Messages of the suite, as far as the server looks into them. */
export interface Header extends Message {
  readonly name: string;
  readonly value: readonly string[];
}

export interface ErrorDefinition extends Message {
  readonly code: number;
  readonly message?: string;
  readonly details: readonly { readonly typeUrl: string; readonly value: Uint8Array }[];
}

export interface StreamDefinition extends Message {
  readonly responseHeaders: readonly Header[];
  readonly responseTrailers: readonly Header[];
  readonly responseDelayMs: number;
  readonly responseData: readonly Uint8Array[];
  readonly error?: ErrorDefinition;
}

export interface UnaryDefinition extends Message {
  readonly responseHeaders: readonly Header[];
  readonly responseTrailers: readonly Header[];
  readonly responseDelayMs: number;
  readonly response:
    | { readonly case: 'responseData'; readonly value: Uint8Array }
    | { readonly case: 'error'; readonly value: ErrorDefinition }
    | { readonly case: undefined; readonly value?: undefined };
}

export interface Request<D> extends Message {
  readonly responseDefinition?: D;
  readonly fullDuplex?: boolean;
}

/** What the runner asks the server to be. */
export interface ServerRequest extends Message {
  readonly protocol: number;
  readonly httpVersion: number;
  readonly messageReceiveLimit: number;
}

/**
 * Reads the contract of the suite from an image that buf has built, and shows its methods to browsers: the shim serves
 * nothing whose contract has no HTTP rule.
 */
export function readContract(imageFile: string): FileRegistry {
  const suite = fromBinary(FileDescriptorSetSchema, readFileSync(imageFile));
  const ours = fromBinary(FileDescriptorSetSchema, readFileSync(DESCRIPTOR_IMAGE));
  const known = new Set(suite.file.map(({ name }) => name));
  const others = ours.file.filter(({ name }) => name.startsWith('google/') && !known.has(name));
  addRules(suite, createFileRegistry(ours).getExtension('google.api.http'));
  const file = [...suite.file, ...others].map((proto) => create(FileDescriptorProtoSchema, proto));
  return createFileRegistry(create(FileDescriptorSetSchema, { file }));
}

function addRules({ file }: FileDescriptorSet, http: DescExtension | undefined): void {
  if (http?.message === undefined) throw new Error('There is no google.api.http in the descriptor image');
  const { message } = http;
  for (const method of file.flatMap(({ service }) => service).flatMap((service) => service.method)) {
    method.options ??= create(MethodOptionsSchema);
    setExtension(method.options, http, fromJson(message, { post: `/suite/${method.name}`, body: '*' }));
  }
}

export function messageOf(registry: FileRegistry, name: string): DescMessage {
  const found = registry.getMessage(`${PACKAGE}.${name}`);
  if (found === undefined) throw new Error(`The contract has no message ${name}`);
  return found;
}

export function make(registry: FileRegistry, name: string, value: JsonValue): Message {
  return fromJson(messageOf(registry, name), value, { registry });
}
