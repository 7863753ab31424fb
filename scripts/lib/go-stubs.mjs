import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inRoot } from './root.mjs';

/** Pinned, so that a new release of somebody else breaks nothing here. */
export const GO_PLUGINS = [
  'google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.10',
  'google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.5.1',
];

/** The environment of Go in a build folder, whose tools are in the folder `bin` there. */
export function goEnv(build) {
  const bin = join(build, 'bin');
  return { ...process.env, GOBIN: bin, GOFLAGS: '-mod=mod', PATH: `${bin}:${process.env.PATH}` };
}

/** Installs tools, each `MODULE@VERSION`, by `run(program, args, options)`, which rejects where one cannot be had. */
export async function installGoTools(tools, { env, run }) {
  for (const tool of tools) await run('go', ['install', tool], { env: { ...env, GOFLAGS: '' } });
}

/**
 * Generates Go of the contracts in the folder `proto` of a build folder into its folder `go/gen`, by the plugins that are
 * installed, as packages of the module `module`. What lies under `foreign` keeps the packages that it names itself.
 */
export async function generateGo({ build, module, paths, foreign = [], plugins = [], env, run }) {
  const contracts = join(build, 'proto');
  const template = join(build, 'buf.gen.yaml');
  await mkdir(build, { recursive: true });
  await writeFile(template, toTemplate({ build, module, foreign, plugins: ['go', 'go-grpc', ...plugins] }));
  const chosen = paths.flatMap((path) => ['--path', join(contracts, path)]);
  await run(inRoot('node_modules/.bin/buf'), ['generate', contracts, '--template', template, ...chosen], { env });
}

function toTemplate({ build, module, foreign, plugins }) {
  // A file comes with the packages that name it, and may be in a program only once.
  const kept = ['google/rpc', ...foreign].map((path) => ({ file_option: 'go_package_prefix', path }));
  const template = {
    version: 'v2',
    managed: {
      enabled: true,
      disable: kept,
      override: [{ file_option: 'go_package_prefix', value: `${module}/gen` }],
    },
    plugins: plugins.map((name) => ({
      local: `protoc-gen-${name}`,
      out: join(build, 'go/gen'),
      opt: 'paths=source_relative',
    })),
  };
  // What is JSON is YAML as well, which buf reads.
  return JSON.stringify(template);
}
