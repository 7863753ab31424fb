import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { SETTINGS } from '../../src/config.js';

function config(env: Readonly<Record<string, string>>, ...options: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['bin/keelson.mjs', 'config', ...options], {
    env: { PATH: process.env['PATH'], ...env },
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('keelson config', function () {
  this.timeout(20_000);

  it('prints every setting as it is in effect, and no secret', () => {
    const { status, stdout } = config({
      KEELSON_LOG_LEVEL: 'warn',
      KEELSON_STORE_URL: 'mongodb://me:hunter2@h:1/db',
      KEELSON_REDIS_URL: 'redis://:hunter2@h:1',
      KEELSON_OTLP_ENDPOINT: 'http://me:hunter2@h:4318',
    });

    expect(status).to.equal(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => line.split('=', 1)[0])).to.have.members([...SETTINGS]);
    expect(lines).to.include('KEELSON_LOG_LEVEL=warn');
    expect(lines).to.include('KEELSON_CALLS_MAX=10000  # default');
    expect(lines).to.include('KEELSON_STORE_URL=mongodb://me:***@h:1/db');
    expect(stdout).not.to.include('hunter2');
  });

  it('prints them as JSON', () => {
    const { stdout } = config({ KEELSON_LOG_LEVEL: 'warn' }, '--json');

    expect(JSON.parse(stdout)).to.include({ KEELSON_LOG_LEVEL: 'warn', KEELSON_GRPC_LISTEN: '127.0.0.1:50051' });
  });

  it('tells all mistakes at once, and exits with 1', () => {
    const { status, stdout, stderr } = config({
      KEELSON_LOG_LEVEL: 'loud',
      KEELSON_TRACE_RATIO: '2',
      KEELSON_NO_SUCH: 'x',
      KEELSON_STORE_URL: 'mongodb://me:hunter2@h',
    });

    expect({ status, stdout }).to.deep.equal({ status: 1, stdout: '' });
    expect(stderr.trimEnd().split('\n')).to.have.length(4);
    expect(stderr).not.to.include('hunter2');
  });
});
