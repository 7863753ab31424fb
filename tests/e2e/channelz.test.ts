import { expect } from 'chai';
import { ChannelzDefinition, type Socket } from '../../gen/channelz.js';
import { HealthDefinition } from '../../gen/health/v1/health.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { TRANSPORT_NAMES } from '../support/on-each-transport.js';
import { rejection } from '../support/rejection.js';

for (const transport of TRANSPORT_NAMES) {
  describe(`channelz on ${transport}`, () => {
    let app: TestApp;
    let client: ServiceClient<typeof ChannelzDefinition>;

    before(async () => {
      app = await startTestApp({ KEELSON_GRPC_TRANSPORT: transport, KEELSON_SETTLE_MS: '0' });
      // As grpcdebug calls: without a token.
      client = createClient(ChannelzDefinition, { address: app.address });
    });

    after(async () => {
      client?.close();
      await app?.close();
    });

    async function socketOf(id: bigint): Promise<Socket> {
      const { socket } = await client.getSocket({ socketId: id });
      if (socket === undefined) throw new Error('There is no socket');
      return socket;
    }

    it('shows the server, its listener, its connections and how calls ended', async () => {
      const health = createClient(HealthDefinition, { address: app.address, attemptsMax: 1 });
      try {
        const [before] = (await client.getServers({})).server;
        await health.check({});
        await rejection(health.check({ service: 'no.such.Service' }), CallError);
        const [server] = (await client.getServers({})).server;

        const grown = (key: 'callsStarted' | 'callsSucceeded' | 'callsFailed') =>
          Number(server?.data?.[key]) - Number(before?.data?.[key]);
        expect(grown('callsStarted')).to.be.at.least(3);
        expect(grown('callsSucceeded')).to.be.at.least(2);
        expect(grown('callsFailed')).to.equal(1);
        expect(server?.ref?.name).to.equal('keelson');
        const serverId = server?.ref?.serverId ?? 0n;
        expect((await client.getServer({ serverId })).server?.ref).to.deep.equal(server?.ref);

        const listener = await socketOf(server?.listenSocket[0]?.socketId ?? 0n);
        expect(listener.ref?.name).to.equal(app.address);
        expect(listener.remote).to.equal(undefined);

        const { socketRef, end } = await client.getServerSockets({ serverId });
        expect(end).to.equal(true);
        expect(socketRef).to.have.length(2);
        const sockets = await Promise.all(socketRef.map(({ socketId }) => socketOf(socketId)));
        expect(sockets.map(({ data }) => Number(data?.streamsSucceeded)).sort((a, b) => a - b)[0]).to.equal(2);
        const address = { ipAddress: Buffer.from([127, 0, 0, 1]), port: Number(app.address.split(':')[1]) };
        expect(sockets[0]?.local?.address).to.deep.equal({ $case: 'tcpipAddress', value: address });

        const first = await client.getServerSockets({ serverId, maxResults: 1n });
        expect(first).to.deep.include({ end: false }).and.have.property('socketRef').with.length(1);
      } finally {
        health.close();
      }
    });

    it('shows the channels of clients in the process', async () => {
      const { channel } = await client.getTopChannels({});
      const own = channel.find(({ data }) => data?.target.includes(app.address) === true);
      expect(own?.data?.callsStarted).not.to.equal(0n);
      const channelId = own?.ref?.channelId ?? 0n;
      expect((await client.getChannel({ channelId })).channel?.data?.target).to.equal(own?.data?.target);
      const [subchannel] = own?.subchannelRef ?? [];
      expect(
        (await client.getSubchannel({ subchannelId: subchannel?.subchannelId ?? 0n })).subchannel?.ref,
      ).to.deep.equal(subchannel);
    });

    it('says NOT_FOUND for what is not there', async () => {
      for (const ask of [
        () => client.getServer({ serverId: 5n }),
        () => client.getServerSockets({ serverId: 5n }),
        () => client.getSocket({ socketId: 999_999n }),
        () => client.getChannel({ channelId: 999_999n }),
        () => client.getSubchannel({ subchannelId: 999_999n }),
      ]) {
        expect((await rejection<CallError>(ask(), CallError)).codeName).to.equal('NOT_FOUND');
      }
    });
  });
}

describe('channelz of a server that others can reach', () => {
  it('is not served, unless the settings say so', async () => {
    const app = await startTestApp({ KEELSON_GRPC_LISTEN: '0.0.0.0:0', KEELSON_ALLOW_PLAINTEXT: 'true' });
    const client = createClient(ChannelzDefinition, { address: app.address.replace('0.0.0.0', '127.0.0.1') });
    try {
      expect((await rejection(client.getServers({}), CallError)).codeName).to.equal('UNIMPLEMENTED');
    } finally {
      client.close();
      await app.close();
    }
  });
});
