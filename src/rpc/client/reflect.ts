import { fromBinary, toBinary, create } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema, type FileDescriptorProto } from '@bufbuild/protobuf/wkt';
import {
  ServerReflectionDefinition as V1,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '../../../gen/grpc/reflection/v1/reflection.js';
import { ServerReflectionDefinition as V1Alpha } from '../../../gen/grpc/reflection/v1alpha/reflection.js';
import { CallError } from './call-error.js';
import { createClient } from './create-client.js';
import type { Transport } from './transport.js';

const TIMEOUT_MS = 10_000;
const FILES_MAX = 10_000;

/** What a server says about itself. */
export interface Reflected {
  /** The full names of its services, sorted. */
  readonly services: readonly string[];
  /** An encoded google.protobuf.FileDescriptorSet of all their files. The same contracts give the same bytes. */
  readonly image: Uint8Array;
}

/** Asks a server for its contracts, by gRPC reflection v1 or, where it has only that, v1alpha. */
export async function reflectServer(transport: Transport, token?: string): Promise<Reflected> {
  try {
    return await reflectBy(V1, transport, token);
  } catch (err) {
    if (!(err instanceof CallError && err.codeName === 'UNIMPLEMENTED')) throw err;
    return reflectBy(V1Alpha, transport, token);
  }
}

type Query = NonNullable<ServerReflectionRequest['messageRequest']>;
type Answer = NonNullable<ServerReflectionResponse['messageResponse']>;

/** The two versions differ in their names only. */
async function reflectBy(
  definition: typeof V1 | typeof V1Alpha,
  transport: Transport,
  token: string | undefined,
): Promise<Reflected> {
  const client = createClient(definition, { transport, ...(token !== undefined && { token }) });
  const ask = async (queries: readonly Query[]): Promise<Answer[]> => {
    const answers: Answer[] = [];
    async function* requests() {
      for (const messageRequest of queries) yield await Promise.resolve({ host: '', messageRequest });
    }
    for await (const { messageResponse } of client.serverReflectionInfo(requests(), { timeoutMs: TIMEOUT_MS })) {
      if (messageResponse !== undefined) answers.push(messageResponse);
    }
    return answers;
  };
  const services = (await ask([{ $case: 'listServices', value: '' }]))
    .flatMap((answer) => (answer.$case === 'listServicesResponse' ? answer.value.service : []))
    .map(({ name }) => name)
    .sort();
  const files = await collectFiles(ask, services);
  return {
    services,
    image: toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: inOrder(files) })),
  };
}

/** Asks for the files of the services, and for what they import, until nothing is missing. */
async function collectFiles(
  ask: (queries: readonly Query[]) => Promise<Answer[]>,
  services: readonly string[],
): Promise<Map<string, FileDescriptorProto>> {
  const files = new Map<string, FileDescriptorProto>();
  let queries: Query[] = services.map((value) => ({ $case: 'fileContainingSymbol', value }));
  while (queries.length > 0) {
    for (const answer of await ask(queries)) {
      if (answer.$case !== 'fileDescriptorResponse') continue;
      for (const bytes of answer.value.fileDescriptorProto) {
        const file = fromBinary(FileDescriptorProtoSchema, bytes);
        files.set(file.name, file);
      }
    }
    if (files.size > FILES_MAX) throw new Error(`The server has more than ${FILES_MAX} descriptor files`);
    const missing = new Set(
      [...files.values()].flatMap(({ dependency }) => dependency).filter((name) => !files.has(name)),
    );
    const asked = new Set(queries.map(({ value }) => value));
    const unknown = [...missing].filter((name) => asked.has(name));
    if (unknown.length > 0) throw new Error(`The server does not give the descriptor file "${unknown[0]}"`);
    queries = [...missing].map((value) => ({ $case: 'fileByFilename', value }));
  }
  return files;
}

/** What is imported comes before what imports it; beyond that, by name. */
function inOrder(files: ReadonlyMap<string, FileDescriptorProto>): FileDescriptorProto[] {
  const ordered = new Set<FileDescriptorProto>();
  const visit = (name: string, path: ReadonlySet<string>): void => {
    const file = files.get(name);
    if (file === undefined || ordered.has(file) || path.has(name)) return;
    for (const dependency of file.dependency) visit(dependency, new Set([...path, name]));
    ordered.add(file);
  };
  for (const name of [...files.keys()].sort()) visit(name, new Set());
  return [...ordered];
}
