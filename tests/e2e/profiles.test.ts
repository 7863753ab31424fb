import { expect } from 'chai';
import { startTestApp, type TestApp } from '../support/app.js';

describe('the profiles of a server', function () {
  this.timeout(60_000);
  let app: TestApp;

  afterEach(() => app?.close());

  const start = async (profiling: string) => {
    app = await startTestApp({ KEELSON_ADMIN_LISTEN: '127.0.0.1:0', KEELSON_PROFILING: profiling });
  };
  const get = (path: string, init: RequestInit = {}) => fetch(app.admin + path, init);

  it('are not to be had by default', async () => {
    await start('');

    for (const path of ['/debug/cpu?seconds=1', '/debug/heap']) expect((await get(path)).status).to.equal(404);
  });

  it('are what Chrome opens, one at a time, for as long as is asked for', async () => {
    await start('true');
    const first = get('/debug/cpu?seconds=1');
    // Once the listener answers this, it has begun with the other.
    await get('/healthz');
    expect((await get('/debug/cpu?seconds=1')).status).to.equal(409);
    expect((await get('/debug/heap')).status).to.equal(409);

    const cpu = await first;
    expect(cpu.headers.get('content-disposition')).to.include('.cpuprofile');
    const profile = (await cpu.json()) as { nodes: unknown[]; startTime: number; endTime: number };
    expect(profile.nodes).not.to.be.empty;
    expect(profile.endTime - profile.startTime).to.be.within(900_000, 10_000_000);

    const heap = await get('/debug/heap');
    expect(heap.headers.get('content-disposition')).to.include('.heapsnapshot');
    expect((await heap.text()).slice(0, 12)).to.equal('{"snapshot":');
  });

  it('are bounded in time, and free for the next when somebody goes', async () => {
    await start('true');
    for (const seconds of ['0', '61', 'x', '-1', 'NaN']) {
      expect((await get(`/debug/cpu?seconds=${seconds}`)).status, seconds).to.equal(400);
    }
    const gone = new AbortController();
    const left = get('/debug/cpu?seconds=60', { signal: gone.signal }).catch(() => undefined);
    await get('/healthz');
    expect((await get('/debug/cpu?seconds=1')).status).to.equal(409);
    gone.abort();
    await left;
    let status = 409;
    while (status === 409) ({ status } = await get('/debug/cpu?seconds=1'));
    expect(status).to.equal(200);
  });
});
