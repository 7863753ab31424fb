import { createFileRegistry, fromBinary, type FileRegistry } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { execFileSync } from 'node:child_process';
import type { Method, MethodTable } from '../../../src/rpc/method-table.js';

/** Where buf finds the contract of the tests and what it imports. */
const WORKSPACE = {
  version: 'v2',
  modules: [
    { path: 'tests/fixtures/proto' },
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
};

let registry: FileRegistry | undefined;

let image: Buffer | undefined;

/** Gives the contracts of the tests. */
export function fixtureRegistry(): FileRegistry {
  registry ??= createFileRegistry(fromBinary(FileDescriptorSetSchema, fixtureImage()));
  return registry;
}

/** Compiles tests/fixtures/proto, once a run. Needs no network. */
export function fixtureImage(): Buffer {
  if (image === undefined) {
    const paths = [
      'tests/fixtures/proto/fixtures',
      ...['error_details', 'status'].map((name) => `node_modules/google-proto-files/google/rpc/${name}.proto`),
    ];
    const args = [
      'build',
      '--config',
      JSON.stringify(WORKSPACE),
      ...paths.flatMap((path) => ['--path', path]),
      '-o',
      '-',
    ];
    image = execFileSync('node_modules/.bin/buf', args, { maxBuffer: 64 * 1024 * 1024 });
  }
  return image;
}

/** Gives a method of a service of the fixtures, with what the gateway reads of one. */
export function aMethod(service: string, name: string): Method {
  const descriptor = fixtureRegistry()
    .getService(`fixtures.v1.${service}`)
    ?.methods.find((candidate) => candidate.name === name);
  if (descriptor === undefined) throw new Error(`The fixtures have no method ${service}.${name}`);
  const access = { kind: 'permission', name: 'things.things.get', resource: 'name' } as const;
  return { path: `/fixtures.v1.${service}/${name}`, descriptor, policy: { access } } as unknown as Method;
}

/** Gives a table of all methods of services of the fixtures. */
export function aTable(services: readonly string[] = ['ThingService']): Pick<MethodTable, 'methods' | 'registry'> {
  const methods = new Map<string, Method>();
  for (const service of services) {
    for (const { name } of fixtureRegistry().getService(`fixtures.v1.${service}`)?.methods ?? []) {
      const method = aMethod(service, name);
      methods.set(method.path, method);
    }
  }
  return { methods, registry: fixtureRegistry() };
}
