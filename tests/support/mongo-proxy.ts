import { createConnection, createServer, type Socket } from 'node:net';
import { freePort } from './free-port.js';

/** What becomes of a command: it is passed on, lost on its way to the server, done with its answer lost, or not answered. */
export type Fate = 'pass' | 'lose-request' | 'lose-answer' | 'stall';

/** Stands between a store and its server, and decides over every command that reads or writes data. */
export interface MongoProxy {
  /** A connection string for the same database, through the proxy. */
  readonly url: string;
  /** Is asked for each command, in the order they come. After a loss, the connection ends. */
  decide(fate: (command: string, collection: string) => Fate): void;
  /** Tells how many commands get no answer, on connections that still stand. */
  stalled(): number;
  /** Ends all connections and leads new ones to another server, as an address does whose machine was replaced. */
  divert(target: string): void;
  /** Ends all connections and refuses new ones, as a dead machine does. */
  cut(): void;
  close(): Promise<void>;
}

const OP_MSG = 2013;
const HEADER_BYTES = 16;
const COMMANDS = ['insert', 'update', 'delete', 'find'];

/** Puts a proxy before the server that a connection string names; it has to be on this machine. */
export async function startMongoProxy(target: string): Promise<MongoProxy> {
  const { pathname, searchParams } = new URL(target);
  let { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const stalled = new Set<Socket>();
  let fateOf: (command: string, collection: string) => Fate = () => 'pass';
  let isCut = false;

  const server = createServer((client) => {
    if (isCut) return void client.destroy();
    const upstream = createConnection({ host: hostname, port: Number(port) });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        stalled.delete(client);
        client.destroy();
        upstream.destroy();
      });
    }
    let swallow = false;
    upstream.on('data', (answer) => {
      // The server has done it; nobody hears of it.
      if (swallow) return void client.destroy();
      client.write(redirect(answer, `:${port}`, `:${ownPort}`));
    });
    onMessages(client, (message) => {
      const command = commandOf(message);
      const fate = command === undefined ? 'pass' : fateOf(command.name, command.collection);
      if (fate === 'stall') return void stalled.add(client);
      if (fate === 'lose-request' || isCut) return void client.destroy();
      if (fate === 'lose-answer') swallow = true;
      upstream.write(message);
    });
  });
  const ownPort = await freePort();
  await new Promise<void>((resolve) => void server.listen(ownPort, '127.0.0.1', resolve));
  const endAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  const cut = () => {
    isCut = true;
    endAll();
  };
  return {
    url: `mongodb://127.0.0.1:${ownPort}${pathname}?${searchParams.toString()}`,
    decide: (fate) => {
      fateOf = fate;
    },
    stalled: () => stalled.size,
    divert: (other) => {
      ({ hostname, port } = new URL(other));
      endAll();
    },
    cut,
    close: async () => {
      cut();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}

// A member of a replica set says where it is, and the driver goes there. Both ports have five digits.
function redirect(answer: Buffer, from: string, to: string): Buffer {
  for (let at = answer.indexOf(from); at >= 0; at = answer.indexOf(from, at)) answer.write(to, at, 'latin1');
  return answer;
}

function onMessages(socket: Socket, handle: (message: Buffer) => void): void {
  let pending = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= HEADER_BYTES && pending.length >= pending.readInt32LE(0)) {
      const size = pending.readInt32LE(0);
      handle(pending.subarray(0, size));
      pending = pending.subarray(size);
    }
  });
}

/** A command is a document whose first field has its name and, as a text of so many bytes, that of its collection. */
function commandOf(message: Buffer): { readonly name: string; readonly collection: string } | undefined {
  if (message.readInt32LE(12) !== OP_MSG) return undefined;
  const head = message.toString('latin1', HEADER_BYTES, HEADER_BYTES + 192);
  const name = COMMANDS.find((command) => head.includes(`${command}\0`));
  if (name === undefined) return undefined;
  const [collection = ''] = head.slice(head.indexOf(`${name}\0`) + name.length + 5).split('\0', 1);
  return { name, collection };
}
