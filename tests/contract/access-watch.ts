import { expect } from 'chai';
import type { WatchAccessResponse } from '../../gen/keelson/access/v1/access_service.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { OWNER, startAccessServer, type AccessClient, type AccessServer } from '../support/access-server.js';
import type { CreateEngine, Engine } from '../support/engine.js';
import { rejection } from '../support/rejection.js';

const NOON = Date.parse('2024-05-01T12:00:00Z');
const GET = 'documents.documents.get';
const ORDER = 'collections/orders/documents/o-17';

/** What a watch of decisions promises, on any engine. */
export function describeAccessWatch(createEngine: CreateEngine): void {
  let engine: Engine;
  let server: AccessServer;
  let owner: AccessClient;
  let time = NOON;

  beforeEach(async () => {
    time = NOON;
    engine = await createEngine();
    server = await startAccessServer({ store: await engine.open(), now: () => time });
    owner = server.as(OWNER);
  });

  afterEach(async () => {
    await server.close();
    await engine.destroy();
  });

  const bind = (member: string, role: string, resource: string, more: object = {}) =>
    owner.createBinding({ binding: { member, role, resource, ...more } });
  const reasonOf = async (promise: Promise<unknown>) => (await rejection(promise, CallError)).reason;
  const check = { principal: 'users/ada', permission: GET, resource: ORDER };
  const other = { ...check, principal: 'users/ben' };
  const toldBy = (stream: AsyncIterable<WatchAccessResponse>) => stream[Symbol.asyncIterator]();
  async function next(told: AsyncIterator<WatchAccessResponse>): Promise<WatchAccessResponse> {
    const result = await told.next();
    if (result.done === true) throw new Error('The watch has ended');
    return result.value;
  }
  const answers = ({ decisions }: WatchAccessResponse) =>
    decisions.map((decision) => [decision.check?.principal, decision.allowed]);

  it('tells all answers first, and then each that a change makes another', async () => {
    const told = toldBy(owner.watchAccess({ checks: [check, other] }));
    expect(answers(await next(told))).to.deep.equal([
      ['users/ada', false],
      ['users/ben', false],
    ]);

    const { name } = await bind('users/ada', 'roles/viewer', 'collections');
    expect(answers(await next(told))).to.deep.equal([['users/ada', true]]);
    await owner.createGroup({ groupId: 'g', group: { members: ['users/ben'] } });
    await bind('groups/g', 'roles/viewer', '*');
    expect(answers(await next(told))).to.deep.equal([['users/ben', true]]);
    await owner.deleteBinding({ name });
    expect(answers(await next(told))).to.deep.equal([['users/ada', false]]);
    await told.return?.();
  });

  it('tells what only time changes', async () => {
    await bind('users/ada', 'roles/viewer', '*', {
      expireTime: { seconds: BigInt(NOON / 1000 + 60), nanos: 0 },
    });
    const told = toldBy(owner.watchAccess({ checks: [check] }));
    expect(answers(await next(told))).to.deep.equal([['users/ada', true]]);

    time += 60_000;

    expect(answers(await next(told))).to.deep.equal([['users/ada', false]]);
    await told.return?.();
  });

  it('goes on behind the token of a message, and tells what has changed since', async () => {
    const first = toldBy(owner.watchAccess({ checks: [check, other] }));
    const { resumeToken } = await next(first);
    await first.return?.();
    const quiet = toldBy(owner.watchAccess({ checks: [check, other], resumeToken }));
    expect(answers(await next(quiet))).to.deep.equal([]);
    await quiet.return?.();
    await bind('users/ben', 'roles/viewer', '*');

    const second = toldBy(owner.watchAccess({ checks: [check, other], resumeToken }));

    expect(answers(await next(second))).to.deep.equal([['users/ben', true]]);
    await second.return?.();
  });

  it('does not go on with a token of another watch, or of another caller', async () => {
    await bind('users/ada', 'roles/access-admin', '*');
    const first = toldBy(owner.watchAccess({ checks: [check] }));
    const { resumeToken } = await next(first);
    await first.return?.();

    const [questions = ''] = resumeToken.split('.');
    for (const [client, checks, token] of [
      [owner, [other], resumeToken],
      [owner, [check, check], resumeToken],
      [server.as('users/ada'), [check], resumeToken],
      [server.as(OWNER, 'access.*'), [check], resumeToken],
      // As many answers as nine questions have.
      [owner, [check], `${questions}.AAA`],
      [owner, [check], questions],
    ] as const) {
      const refused = next(toldBy(client.watchAccess({ checks: [...checks], resumeToken: token })));
      expect(await reasonOf(refused)).to.equal('INVALID_REQUEST');
    }
  });

  it('ends once the caller may not ask any more', async () => {
    expect(await reasonOf(next(toldBy(server.as('users/cleo').watchAccess({ checks: [check] }))))).to.equal(
      'PERMISSION_DENIED',
    );
    const { name } = await bind('users/cleo', 'roles/access-admin', '*');
    const told = toldBy(server.as('users/cleo').watchAccess({ checks: [check] }));
    await next(told);

    await owner.deleteBinding({ name });

    expect(await reasonOf(next(told))).to.equal('PERMISSION_DENIED');
  });
}
