import { expect } from 'chai';
import { pino } from 'pino';
import { createSupervisor, type WorkerEnd, type WorkerProcess } from '../../../src/workers/supervisor.js';
import { deferred } from '../../support/deferred.js';

describe('createSupervisor()', () => {
  let workers: FakeWorker[];
  let forked: () => void;

  beforeEach(() => {
    workers = [];
    forked = () => undefined;
  });

  const supervise = (count: number) =>
    createSupervisor({
      count,
      log: pino({ level: 'silent' }),
      fork: () => {
        const worker = aWorker();
        workers.push(worker);
        forked();
        return worker;
      },
    });
  const nextFork = () =>
    new Promise<void>((resolve) => {
      forked = resolve;
    });
  async function started(count: number) {
    const supervisor = supervise(count);
    const starting = supervisor.start();
    for (let i = 0; i < count; i += 1) {
      workers[i]?.serve();
      await settled();
    }
    await starting;
    return supervisor;
  }

  it('starts the others only when the first serves', async () => {
    const supervisor = supervise(3);
    const starting = supervisor.start();
    await settled();
    expect(workers).to.have.length(1);

    workers[0]?.serve();
    await settled();
    expect(workers).to.have.length(3);
    for (const worker of workers) worker.serve();
    expect(await starting).to.equal('ready');
  });

  it('does not start where the first worker does not', async () => {
    const supervisor = supervise(2);
    const starting = supervisor.start();
    workers[0]?.end({ code: 1, signal: null });

    expect(await starting.catch(String)).to.include('ended');
    expect(workers).to.have.length(1);
  });

  it('starts a worker again that ends, later each time', async () => {
    const supervisor = await started(1);
    const waitedMs: number[] = [];
    for (let i = 0; i < 3; i += 1) {
      const forkedAgain = nextFork();
      const endedMs = performance.now();
      workers.at(-1)?.end({ code: 1, signal: null });
      await forkedAgain;
      waitedMs.push(performance.now() - endedMs);
    }
    await stopAll(supervisor.stop());

    expect(waitedMs[0]).to.be.greaterThan(90);
    expect(waitedMs[1]).to.be.greaterThan(190);
    expect(waitedMs[2]).to.be.greaterThan(390);
  });

  it('replaces one worker after the other, each when its successor serves', async () => {
    const supervisor = await started(2);
    const [first, second] = workers;
    const replaced = supervisor.replaceAll();
    await settled();
    expect(workers).to.have.length(3);
    expect(first?.isStopped()).to.equal(false);

    workers[2]?.serve();
    await settled();
    expect(first?.isStopped()).to.equal(true);
    expect(second?.isStopped()).to.equal(false);
    first?.end({ code: 0, signal: null });
    await settled();
    workers[3]?.serve();
    await settled();
    second?.end({ code: 0, signal: null });
    await replaced;

    expect(workers).to.have.length(4);
    await stopAll(supervisor.stop());
  });

  it('keeps what serves where a successor does not start', async () => {
    const supervisor = await started(1);
    const replaced = supervisor.replaceAll();
    await settled();
    workers[1]?.end({ code: 1, signal: null });
    await replaced;

    expect(workers[0]?.isStopped()).to.equal(false);
    expect(workers).to.have.length(2);
    await stopAll(supervisor.stop());
  });

  it('says whether all have ended well', async () => {
    const supervisor = await started(2);
    const stopping = supervisor.stop();
    workers[0]?.end({ code: 0, signal: null });
    workers[1]?.end({ code: null, signal: 'SIGKILL' });

    expect(await stopping).to.equal(false);
  });

  async function stopAll(stopping: Promise<boolean>): Promise<void> {
    for (const worker of workers) worker.end({ code: 0, signal: null });
    await stopping;
  }
});

interface FakeWorker extends WorkerProcess<string> {
  serve(): void;
  end(end: WorkerEnd): void;
  isStopped(): boolean;
}

function aWorker(): FakeWorker {
  const ready = deferred<string>();
  const ended = deferred<WorkerEnd>();
  let stopped = false;
  return {
    pid: 1,
    ready: Promise.race([ready.promise, ended.promise.then(() => Promise.reject(new Error('ended')))]),
    ended: ended.promise,
    stop() {
      stopped = true;
    },
    serve: () => ready.resolve('ready'),
    end: (end) => ended.resolve(end),
    isStopped: () => stopped,
  };
}

/** What can run without a timer has run. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
