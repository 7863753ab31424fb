import { expect } from 'chai';
import { ConfigError, formatAddress, readConfig } from '../../src/config.js';

describe('readConfig()', () => {
  function mistakes(env: Record<string, string>): string[] {
    try {
      readConfig(env);
    } catch (err) {
      if (err instanceof ConfigError) return err.message.split('\n');
      throw err;
    }
    return [];
  }

  it('has safe defaults', () => {
    const config = readConfig({});

    expect(formatAddress(config.grpcListen)).to.equal('127.0.0.1:50051');
    expect(formatAddress(config.httpListen)).to.equal('127.0.0.1:8080');
    expect(config.dataDir).to.match(/\/\.keelson$/);
    expect([...config.publicServices]).to.deep.equal(['health', 'reflection', 'channelz']);
    const open = readConfig({ KEELSON_GRPC_LISTEN: '0.0.0.0:1', KEELSON_ALLOW_PLAINTEXT: 'true' });
    expect([...open.publicServices]).to.deep.equal(['health', 'reflection']);
    expect(Object.isFrozen(config)).to.equal(true);
  });

  it('tells all mistakes at once', () => {
    const found = mistakes({
      KEELSON_GRPC_LISTEN: 'nowhere',
      KEELSON_HTTP_LISTEN: '127.0.0.1:70000',
      KEELSON_LOG_LEVEL: 'loud',
      KEELSON_DRAIN_TIMEOUT_MS: '-1',
      KEELSON_PUBLIC_SERVICES: 'health,documents',
      KEELSON_GRPC_LISTENN: '127.0.0.1:1',
    });

    expect(found).to.have.length(6);
    expect(found[0]).to.equal('KEELSON_GRPC_LISTEN="nowhere": must be HOST:PORT, such as 127.0.0.1:8080 or [::1]:0');
    expect(found.at(-1)).to.equal('KEELSON_GRPC_LISTENN: there is no such setting');
  });

  for (const host of ['0.0.0.0:50051', '[::]:50051', '192.168.1.5:50051', 'keelson.example:50051']) {
    it(`wants a word for listening on ${host} without TLS`, () => {
      expect(mistakes({ KEELSON_GRPC_LISTEN: host })).to.have.length(1);
      expect(mistakes({ KEELSON_GRPC_LISTEN: host })[0]).to.include('KEELSON_ALLOW_PLAINTEXT=true');
      expect(mistakes({ KEELSON_GRPC_LISTEN: host, KEELSON_ALLOW_PLAINTEXT: 'true' })).to.deep.equal([]);
    });
  }

  for (const host of ['127.0.0.1:0', '127.8.9.10:1', '[::1]:0', 'localhost:50051']) {
    it(`takes ${host} as loopback`, () => {
      expect(mistakes({ KEELSON_GRPC_LISTEN: host })).to.deep.equal([]);
    });
  }

  it('wants a word for each listener beyond loopback that serves no TLS', () => {
    const tls = { KEELSON_TLS_CERT_FILE: 'cert.pem', KEELSON_TLS_KEY_FILE: 'key.pem' };
    const open = {
      KEELSON_GRPC_LISTEN: '0.0.0.0:1',
      KEELSON_HTTP_LISTEN: '0.0.0.0:2',
      KEELSON_ADMIN_LISTEN: '0.0.0.0:3',
    };

    expect(mistakes(open)).to.have.length(3);
    expect(mistakes({ ...open, ...tls }).join()).to.match(/^KEELSON_ADMIN_LISTEN="0\.0\.0\.0:3"/);
    expect(mistakes({ ...open, ...tls, KEELSON_TLS_LISTENERS: 'grpc,http,admin' })).to.deep.equal([]);
    expect(mistakes({ ...open, ...tls, KEELSON_TLS_LISTENERS: 'grpc' })).to.have.length(2);
    expect(mistakes({ KEELSON_TLS_CERT_FILE: 'cert.pem' })).to.have.length(1);
    expect(mistakes({ ...tls, KEELSON_TLS_LISTENERS: 'grpc,smtp' })).to.have.length(1);
  });

  it('takes origins as browsers send them, and nothing else', () => {
    expect(readConfig({}).corsOrigins).to.deep.equal([]);
    expect(readConfig({ KEELSON_CORS_ORIGINS: 'https://a.example, http://localhost:3000' }).corsOrigins).to.deep.equal([
      'https://a.example',
      'http://localhost:3000',
    ]);
    for (const origin of ['https://a.example/', 'a.example', 'https://a.example/x', 'HTTPS://A.example']) {
      expect(mistakes({ KEELSON_CORS_ORIGINS: origin }), origin).to.have.length(1);
    }
  });

  it('calls peers over TLS where a switch or a file says so, and wants a certificate with its key', () => {
    expect(readConfig({}).peerTls).to.equal(undefined);
    expect(readConfig({ KEELSON_PEER_TLS: 'true' }).peerTls).to.deep.equal({});
    expect(readConfig({ KEELSON_PEER_CA_FILE: '/ca.pem' }).peerTls).to.deep.equal({ caFile: '/ca.pem' });
    expect(mistakes({ KEELSON_PEER_KEY_FILE: '/key.pem' })).to.deep.equal([
      'KEELSON_PEER_CERT_FILE and KEELSON_PEER_KEY_FILE: one is of no use without the other',
    ]);
  });

  it('shows no password of a connection string in a mistake', () => {
    const found = mistakes({ KEELSON_STORE_URL: 'mongodb://u:hunter2@h', KEELSON_REDIS_URL: 'http://u:hunter2@h' });

    expect(found).to.have.length(2);
    expect(found.join()).not.to.include('hunter2');
  });

  it('takes an empty variable as not set', () => {
    expect(readConfig({ KEELSON_LOG_LEVEL: '' }).logLevel).to.equal('info');
  });

  it('lets no service be public when told so', () => {
    expect(readConfig({ KEELSON_PUBLIC_SERVICES: 'none' }).publicServices.size).to.equal(0);
  });
});
