import { execFileSync } from 'node:child_process';
import {
  create,
  createFileRegistry,
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethod,
  type FileRegistry,
  type Message,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import type { MessageCodec, MethodDefinition, ServiceDefinition } from '../../src/rpc/service.js';

const workspaceOf = (fixture: string) => ({
  version: 'v2',
  modules: [
    { path: fixture },
    { path: 'proto' },
    { path: '.build/proto' },
    {
      path: 'node_modules/google-proto-files',
      includes: ['google/api', 'google/rpc'].map((folder) => `node_modules/google-proto-files/${folder}`),
      excludes: [
        'api/apikeys',
        'api/cloudquotas',
        'api/expr',
        'api/servicecontrol',
        'api/servicemanagement',
        'api/serviceusage',
        'rpc/context',
      ].map((folder) => `node_modules/google-proto-files/google/${folder}`),
    },
  ],
});
const PATHS = [
  'tests/fixtures/people/people',
  'proto/keelson/options',
  ...['error_details', 'status'].map((name) => `node_modules/google-proto-files/google/rpc/${name}.proto`),
];
const WIRE_TYPE_BYTES = 2;

let registry: FileRegistry | undefined;

/** Compiles tests/fixtures/people, once a run. Needs no network. */
export function peopleRegistry(): FileRegistry {
  registry ??= compileFixture('tests/fixtures/people', PATHS);
  return registry;
}

/** Compiles some contracts of a folder that has a module, with all that they import. Needs no network. */
export function compileFixture(fixture: string, paths: readonly string[]): FileRegistry {
  const args = [
    'build',
    '--config',
    JSON.stringify(workspaceOf(fixture)),
    ...paths.flatMap((path) => ['--path', path]),
  ];
  const image = execFileSync('node_modules/.bin/buf', [...args, '-o', '-'], { maxBuffer: 16 * 1024 * 1024 });
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, image));
}

/** What ts-proto would have generated for a service, made from its descriptor; messages are those of protobuf-es. */
export function definitionOf(contracts: FileRegistry, fullName: string): ServiceDefinition {
  const service = contracts.getService(fullName);
  if (service === undefined) throw new Error(`The contracts have no service ${fullName}`);
  const methods = service.methods.map((method) => [method.localName, methodOf(method)] as const);
  return { name: service.name, fullName, methods: Object.fromEntries(methods) };
}

function methodOf(method: DescMethod): MethodDefinition {
  const unknown = method.proto.options?.$unknown ?? [];
  const options = unknown.map(({ no, data }) => [(no << 3) | WIRE_TYPE_BYTES, [data]] as const);
  return {
    name: method.name,
    requestType: codecOf(method.input),
    requestStream: method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
    responseType: codecOf(method.output),
    responseStream: method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming',
    options: { _unknownFields: Object.fromEntries(options) },
  };
}

/** What ts-proto would have generated for a message. */
export function codecOf(schema: DescMessage): MessageCodec<unknown> {
  return {
    encode: (message) => ({ finish: () => toBinary(schema, message as Message) }),
    decode: (bytes) => fromBinary(schema, bytes),
    fromPartial: (partial) => create(schema, partial as never),
  };
}
