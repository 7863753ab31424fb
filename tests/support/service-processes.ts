import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { startMongoServer } from './mongo-server.js';
import { startServerProcess, type ServerProcess } from './server-process.js';

const OWN_AREAS: readonly string[] = ['access', 'audit', 'documents', 'identity', 'options'];

/** By their areas, as settings name them: Keelson's own, and what was begun with `keelson new service`. */
const PROCESSES = [
  ['documents', ...readdirSync('proto/keelson').filter((area) => !OWN_AREAS.includes(area))],
  ['access', 'identity', 'audit', 'auth'],
  ['longrunning'],
];

/**
 * Starts a process for each service, or for those that belong together, which knows where the others are, and one that runs none. Gives the address of that
 * one: whatever is called there is passed on. They share a database: the one that the settings name, or one of their own.
 */
export async function startServiceProcesses(settings: Readonly<Record<string, string>>): Promise<ServerProcess> {
  const mongo = settings['KEELSON_STORE_URL'] === undefined ? await startMongoServer() : undefined;
  const url = settings['KEELSON_STORE_URL'] ?? mongo?.urlOf(`keelson_shapes_${randomUUID().slice(0, 8)}`);
  if (url === undefined)
    throw new Error('One service a process needs a MongoDB server: see tests/support/mongo-server.ts');
  const { KEELSON_ADMIN_LISTEN: admin, ...others } = settings;
  const common = { KEELSON_LOG_LEVEL: 'warn', ...others, KEELSON_STORE_URL: url };
  const backs: ServerProcess[] = [];
  const peers: string[] = [];
  for (const services of PROCESSES) {
    const back = await startServerProcess({
      args: ['--services', services.join(',')],
      settings: { ...common, KEELSON_PEERS: peers.join(',') },
    });
    backs.push(back);
    peers.push(...services.map((service) => `${service}=${back.address}`));
  }
  const front = await startServerProcess({
    args: ['--services', 'none'],
    settings: {
      ...common,
      KEELSON_PEERS: peers.join(','),
      ...(admin !== undefined && { KEELSON_ADMIN_LISTEN: admin }),
    },
  });
  return {
    ...front,
    // The first process made the first admin.
    token: backs[0]?.token ?? '',
    async close() {
      await front.close();
      for (const back of backs) await back.close();
      await mongo?.stop();
    },
  };
}
