import type { BenchCase } from '../bench.js';
import { h2loadContender } from '../load/h2load.js';
import { startKeelson } from '../systems.js';
import { echoCall, publicEchoCall } from './echo-call.js';

export const access: BenchCase = {
  name: 'access',
  about: 'the echo with identity and permission, beside the same call made public, on one server',
  async run(bench) {
    const server = await startKeelson(bench);
    return bench.compare('access', [
      await h2loadContender(bench, 'keelson', echoCall(server)),
      await h2loadContender(bench, 'public', publicEchoCall(server)),
    ]);
  },
};
