import type { BenchCase } from '../bench.js';
import { h2loadContender } from '../load/h2load.js';
import { startKeelson } from '../systems.js';
import { echoCall } from './echo-call.js';

const COUNTS = [2, 1];
/** Connections are what is shared out between workers. */
const SHAPE = { connections: 32, streams: 2 };

export const workers: BenchCase = {
  name: 'workers',
  about: 'the echo on one worker and on two, over 32 connections; the servers may use every core, and so may the load',
  async run(bench) {
    const contenders = [];
    for (const count of COUNTS) {
      const server = await startKeelson(bench, {
        settings: { KEELSON_WORKERS: String(count) },
        cores: bench.cores.all,
      });
      const system = `keelson, ${count} ${count === 1 ? 'worker' : 'workers'}`;
      contenders.push(await h2loadContender(bench, system, echoCall(server), { shape: SHAPE }));
    }
    return bench.compare('workers', contenders);
  },
};
