import { execFileSync } from 'node:child_process';
import {
  create,
  createFileRegistry,
  fromBinary,
  toBinary,
  type DescMessage,
  type FileRegistry,
  type Message,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import type { MessageCodec } from '../../src/rpc/service.js';

const SERVICE = 'echo.v1.EchoService';
const WORKSPACE = { version: 'v2', modules: [{ path: 'tests/fixtures/echo' }] };

/** The message of the echo contract. */
export interface Words {
  readonly text: string;
  readonly payload: Uint8Array;
  readonly count: number;
}

let registry: FileRegistry | undefined;

/** Compiles tests/fixtures/echo, once a run. Needs no network. */
export function echoRegistry(): FileRegistry {
  if (registry === undefined) {
    const args = ['build', '--config', JSON.stringify(WORKSPACE), '-o', '-'];
    const image = execFileSync('node_modules/.bin/buf', args, { maxBuffer: 1024 * 1024 });
    registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, image));
  }
  return registry;
}

/** The codec that ts-proto would have generated, made from the descriptor. */
const WORDS: MessageCodec<Words> & { fromPartial(object: Partial<Words>): Words } = {
  encode: (message) => ({ finish: () => toBinary(schema(), toMessage(message)) }),
  decode: (bytes) => fromBinary(schema(), bytes) as unknown as Words,
  fromPartial: (object) => toMessage(object as Partial<Words>) as unknown as Words,
};

/** What ts-proto would have generated for the contract. */
export const EchoServiceDefinition = {
  name: 'EchoService',
  fullName: SERVICE,
  methods: {
    say: aMethod('Say', false, false),
    repeat: aMethod('Repeat', false, true),
    join: aMethod('Join', true, false),
    chat: aMethod('Chat', true, true),
  },
} as const;

function aMethod<I extends boolean, O extends boolean>(name: string, requestStream: I, responseStream: O) {
  return { name, requestType: WORDS, requestStream, responseType: WORDS, responseStream, options: {} } as const;
}

function schema(): DescMessage {
  const found = echoRegistry().getMessage('echo.v1.Words');
  if (found === undefined) throw new Error('The echo contract has no message Words');
  return found;
}

function toMessage(words: Partial<Words>): Message {
  return create(schema(), { ...words }) as Message;
}
