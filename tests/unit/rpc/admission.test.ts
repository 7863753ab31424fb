import { expect } from 'chai';
import { createAdmission } from '../../../src/rpc/admission.js';
import { DEFAULT_LIMITS } from '../../../src/rpc/limits.js';
import type { Method } from '../../../src/rpc/method-table.js';

const aMethod = (path: string, methodKind = 'unary') => ({ path, descriptor: { methodKind } }) as unknown as Method;

describe('createAdmission()', () => {
  const lines: unknown[] = [];
  const refused: string[] = [];
  const load = { hasRoomFor: () => false };
  const openCalls = { size: 0 };
  const admit = createAdmission({
    limits: { ...DEFAULT_LIMITS, callsMax: 3 },
    openCalls,
    load,
    log: { warn: (line: unknown) => void lines.push(line) },
    metrics: { countRefused: (limit) => void refused.push(limit) },
  });

  it('turns a unary call away while there is too much to do, with when to come back', () => {
    const status = admit(aMethod('/a.A/B'));

    expect(status).to.include({ codeName: 'RESOURCE_EXHAUSTED', reason: 'OVERLOADED', retryDelayMs: 500 });
  });

  it('lets streams begin, for as long as there are not too many calls', () => {
    expect(admit(aMethod('/a.A/Watch', 'server_streaming'))).to.equal(undefined);
    openCalls.size = 3;
    expect(admit(aMethod('/a.A/Watch', 'server_streaming'))?.message).to.include('KEELSON_CALLS_MAX=3');
  });

  it('lets health and what else watches the server answer whatever there is to do', () => {
    expect(admit(aMethod('/grpc.health.v1.Health/Check'))).to.equal(undefined);
    expect(admit(aMethod('/grpc.channelz.v1.Channelz/GetServers'))).to.equal(undefined);
  });

  it('spends next to nothing on what it turns away: one answer for all, one line for many, and a count', () => {
    expect(admit(aMethod('/a.A/B'))).to.equal(admit(aMethod('/a.A/C')));
    expect(lines).to.deep.equal([
      { refused: 1, limit: 'KEELSON_LATENESS_MS_MAX', max: 100 },
      { refused: 1, limit: 'KEELSON_CALLS_MAX', max: 3 },
    ]);
    expect(refused).to.have.length(4);
  });
});
