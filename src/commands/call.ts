import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fromBinary, fromJsonString, toBinary, toJsonString } from '@bufbuild/protobuf';
import type { DescMessage, DescMethod, FileRegistry, Message } from '@bufbuild/protobuf';
import type { Command } from 'commander';
import { DESCRIPTOR_IMAGE } from '../package-files.js';
import { createClient, type ServiceClient } from '../rpc/client/create-client.js';
import { readDescriptorImage } from '../rpc/descriptors.js';
import type { MessageCodec, MethodDefinition } from '../rpc/service.js';
import { toConnection, withClientOptions, type ClientCommandOptions } from './client-options.js';
import { printCallError } from './output.js';

/** `keelson call <method> [json]`: calls any method of Keelson's own contracts and prints what comes back as JSON. */
export function addCallCommand(program: Command): void {
  withClientOptions(program.command('call'))
    .description('call a method with a JSON request, and print each answer as JSON')
    .argument('<method>', 'such as keelson.documents.v1.DocumentService/GetDocument')
    .argument('[json]', 'the request; "-" reads requests from standard input, one JSON object a line', '{}')
    .action(async (path: string, json: string, options: ClientCommandOptions) => {
      process.exitCode = await call(path, json, options);
    });
}

async function call(path: string, json: string, options: ClientCommandOptions): Promise<number> {
  const registry = readDescriptorImage(await readFile(DESCRIPTOR_IMAGE));
  const method = findMethod(registry, path);
  if (method === undefined)
    return fail(`There is no method "${path}" in the contracts: expected package.Service/Method`);
  const client = createMethodClient(method, options);
  try {
    for await (const response of callAnyKind(client, method, readRequests(method.input, registry, json))) {
      process.stdout.write(`${toJsonString(method.output, response, { registry, prettySpaces: 2 })}\n`);
    }
    return 0;
  } catch (err) {
    return err instanceof RequestTextError ? fail(err.message) : printCallError(err);
  } finally {
    client.close();
  }
}

/** What was given as a request is not one. */
class RequestTextError extends Error {
  override readonly name = 'RequestTextError';
}

function fail(sentence: string): number {
  process.stderr.write(`${sentence}\n`);
  return 1;
}

function findMethod(registry: FileRegistry, path: string): DescMethod | undefined {
  const [service = '', name] = path.replace(/^\//, '').split('/');
  return registry.getService(service)?.methods.find((method) => method.name === name);
}

type MethodClient = ServiceClient<{ name: string; fullName: string; methods: { call: MethodDefinition } }>;

/** Makes a client of one method from descriptors alone: messages are protobuf-es messages. */
function createMethodClient(method: DescMethod, options: ClientCommandOptions): MethodClient {
  const definition: MethodDefinition = {
    name: method.name,
    requestType: codecOf(method.input),
    requestStream: method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
    responseType: codecOf(method.output),
    responseStream: method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming',
    options: {},
  };
  const { name, typeName: fullName } = method.parent;
  return createClient({ name, fullName, methods: { call: definition } }, toConnection(options));
}

function codecOf(schema: DescMessage): MessageCodec<unknown> {
  return {
    encode: (message) => ({ finish: () => toBinary(schema, message as Message) }),
    decode: (bytes) => fromBinary(schema, bytes),
    fromPartial: (message) => message,
  };
}

/** The four kinds of calls, seen as one: many requests, many answers. */
async function* callAnyKind(
  client: MethodClient,
  { methodKind }: DescMethod,
  requests: AsyncIterable<Message>,
): AsyncGenerator<Message> {
  const { call: start } = client as unknown as { call: (input: unknown) => Promise<Message> | AsyncIterable<Message> };
  const streamsRequests = methodKind === 'client_streaming' || methodKind === 'bidi_streaming';
  const answer = start(streamsRequests ? requests : await onlyRequest(requests));
  if (answer instanceof Promise) yield await answer;
  else yield* answer;
}

async function onlyRequest(requests: AsyncIterable<Message>): Promise<Message> {
  for await (const request of requests) return request;
  throw new RequestTextError('Standard input holds no request');
}

async function* readRequests(schema: DescMessage, registry: FileRegistry, json: string): AsyncGenerator<Message> {
  const lines = json === '-' ? createInterface({ input: process.stdin }) : [json];
  for await (const line of lines) {
    if (line.trim() !== '') yield parseRequest(schema, registry, line);
  }
}

function parseRequest(schema: DescMessage, registry: FileRegistry, json: string): Message {
  try {
    return fromJsonString(schema, json, { registry });
  } catch (err) {
    const problem = err instanceof Error ? err.message : String(err);
    throw new RequestTextError(`The request is no ${schema.typeName}: ${problem}`, { cause: err });
  }
}
