import { AccessServiceDefinition } from '../../gen/keelson/access/v1/access_service.js';
import type { BenchCase } from '../bench.js';
import { h2loadContender } from '../load/h2load.js';
import type { GrpcCall } from '../load/probe.js';
import { startKeelson } from '../systems.js';
import { echoCall } from './echo-call.js';

const { checkAccess: method } = AccessServiceDefinition.methods;
const CHECK = {
  principal: '',
  permission: 'documents.documents.get',
  resource: 'collections/orders/documents/o-17',
};

export const checkAccess: BenchCase = {
  name: 'check-access',
  about: 'CheckAccess, linearizable, beside an echo of the same server',
  async run(bench) {
    const server = await startKeelson(bench);
    return bench.compare('check-access', [
      await h2loadContender(bench, 'keelson', checkCall(server)),
      await h2loadContender(bench, 'echo', echoCall(server)),
    ]);
  },
};

function checkCall({ address, token }: { readonly address: string; readonly token: string }): GrpcCall {
  const request = method.requestType.encode({ check: CHECK }).finish();
  return { address, path: `/${AccessServiceDefinition.fullName}/${method.name}`, request, token };
}
