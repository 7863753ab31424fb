import { expect } from 'chai';
import { createWorkLog, type WorkListener } from '../../../src/telemetry/work.js';

describe('createWorkLog()', () => {
  const { signal } = new AbortController();
  const heard: string[] = [];
  const listenerOf = (who: string): WorkListener => ({
    begin: (kind, name) => {
      heard.push(`${who}: ${kind} ${name}`);
      return () => undefined;
    },
  });
  const log = createWorkLog({ others: listenerOf('others') });
  const run = async (asked: AbortSignal | undefined) =>
    log.run({ kind: 'store', name: 'get', signal: asked }, async () => 1);

  beforeEach(() => {
    heard.length = 0;
    log.follow(signal, listenerOf('call'));
  });

  it('tells who follows the signal that work is done with', async () => {
    await run(signal);

    expect(heard).to.deep.equal(['call: store get']);
  });

  it('tells the others of work with a signal that nobody follows, as of work without one', async () => {
    await run(new AbortController().signal);
    await run(undefined);

    expect(heard).to.deep.equal(['others: store get', 'others: store get']);
  });
});
