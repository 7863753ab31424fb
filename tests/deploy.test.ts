import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { validate as validateDockerfile } from 'dockerfile-utils';
import { Deployment } from 'kubernetes-models/apps/v1';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { ConfigMap, Service } from 'kubernetes-models/v1';
import { parse, parseAllDocuments } from 'yaml';
import { readConfig, stopMsMax, type Config } from '../src/config.js';
import { createMetrics } from '../src/telemetry/metrics.js';
import { createAdminServer } from '../src/telemetry/admin-server.js';
import { readText } from './support/repository.js';
import { requireTool } from './support/require-tool.js';

const KUBERNETES = 'deploy/kubernetes';
const MS_PER_SECOND = 1000;
const MASTER_KEY = Buffer.alloc(32).toString('base64');

type Settings = Readonly<Record<string, string>>;

const dockerfile = readText('deploy/Dockerfile');
/** What the image sets: `NAME=value`, in the instruction that begins with ENV. */
const imageSettings: Settings = Object.fromEntries(
  [...(/^ENV (?:.*\\\n)*.*$/m.exec(dockerfile)?.[0] ?? '').matchAll(/(KEELSON_\w+)=(\S+)/g)].map(
    ([, name = '', value = '']): [string, string] => [name, value],
  ),
);

const portsOf = ({ grpcListen, httpListen, adminListen }: Config) => ({
  grpc: grpcListen.port,
  http: httpListen.port,
  admin: adminListen?.port,
});

describe('deploy/Dockerfile', () => {
  it('has nothing that a builder would refuse or warn of', () => {
    expect(validateDockerfile(dockerfile)).to.deep.equal([]);
  });

  it('takes into the image whatever the package is made of', () => {
    const { files } = JSON.parse(readText('package.json')) as { files: string[] };
    const copied = [...dockerfile.matchAll(/^COPY --from=build \/keelson\/(\S+)/gm)].map(([, path]) => path ?? '');
    const isCopied = (file: string) => copied.some((path) => file === path || file.startsWith(`${path}/`));
    expect(files.filter((file) => !isCopied(file))).to.deep.equal([]);
  });

  it('runs as nobody in particular, says where it listens, and asks for its health', () => {
    expect(dockerfile).to.match(/^USER 1000:1000$/m);
    const config = readConfig({ ...imageSettings, KEELSON_ALLOW_PLAINTEXT: 'true' });
    const exposed = /^EXPOSE (.+)$/m.exec(dockerfile)?.[1]?.split(' ').map(Number);
    expect(exposed).to.deep.equal(Object.values(portsOf(config)));
    expect(dockerfile).to.match(/^HEALTHCHECK (?:.*\\\n)*.*CMD \["node", "bin\/keelson.mjs", "health"\]$/m);
  });

  it('does not open a listener without TLS that nobody asked for', () => {
    expect(() => readConfig(imageSettings)).to.throw(/KEELSON_ALLOW_PLAINTEXT/);
  });
});

interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>;
}

interface ComposeService {
  readonly environment?: Settings;
  readonly stop_grace_period?: string;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
}

describe('deploy/compose.yaml', () => {
  const path = 'deploy/compose.yaml';
  const { services } = parse(readText(path), { merge: true }) as Compose;
  const replicas = Object.entries(services).filter(([name]) => name.startsWith('keelson-'));

  it('is what the specification of Compose allows', () => {
    const linter = fileURLToPath(new URL('../bin/dclint.cjs', import.meta.resolve('dclint')));
    expect(() => execFileSync(process.execPath, [linter, '--quiet', path])).not.to.throw();
  });

  it('gives each replica settings that it starts with, and the time that a stop may take', () => {
    expect(replicas).to.have.length(2);
    for (const [, { environment = {}, stop_grace_period: grace = '0s' }] of replicas) {
      expect(environment['KEELSON_MASTER_KEY']).to.match(/^\$\{KEELSON_MASTER_KEY:\?/);
      const config = readConfig({ ...imageSettings, ...environment, KEELSON_MASTER_KEY: MASTER_KEY });
      expect(Number.parseInt(grace, 10) * MS_PER_SECOND).to.be.at.least(stopMsMax(config));
    }
  });

  it('keeps the data directory of each replica where the image has it', () => {
    for (const [name, { volumes }] of replicas) {
      expect(volumes).to.deep.equal([`${name}:${imageSettings['KEELSON_DATA_DIR']}`]);
    }
  });

  it('lets nobody in but through nginx, which knows every replica by its ports', () => {
    const open = Object.entries(services).filter(([, { ports }]) => ports !== undefined);
    expect(open.map(([name]) => name)).to.deep.equal(['nginx']);
    const { grpc, http } = portsOf(readConfig({ ...imageSettings, KEELSON_ALLOW_PLAINTEXT: 'true' }));
    const nginx = readText('deploy/nginx.conf');
    const upstreams = [...nginx.matchAll(/^ +server (\S+:\d+) /gm)].map(([, address]) => address);
    const wanted = [grpc, http].flatMap((port) => replicas.map(([name]) => `${name}:${port}`));
    expect(upstreams).to.deep.equal(wanted);
  });

  describe('as Docker reads it', () => {
    before(requireTool('compose'));
    it('is taken', () => {
      const env = { ...process.env, KEELSON_MASTER_KEY: MASTER_KEY };
      execFileSync('docker', ['compose', '-f', path, 'config', '--quiet'], { env });
    });
  });
});

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

const KINDS = { ConfigMap, Deployment, HorizontalPodAutoscaler, NetworkPolicy, PodDisruptionBudget, Service };

describe('deploy/kubernetes', () => {
  const files = readdirSync(KUBERNETES);
  const manifests = files
    .filter((file) => !['kustomization.yaml', 'servicemonitor.yaml'].includes(file))
    .flatMap((file) => parseAllDocuments(readText(`${KUBERNETES}/${file}`)).map((doc) => doc.toJS() as Manifest));
  const find = <T extends keyof typeof KINDS>(kind: T, name = 'keelson') => {
    const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
    return found as InstanceType<(typeof KINDS)[T]> | undefined;
  };
  const pod = find('Deployment')?.spec?.template.spec;
  const container = pod?.containers[0];
  const settings = {
    ...imageSettings,
    ...(find('ConfigMap')?.data as Settings),
    KEELSON_MASTER_KEY: MASTER_KEY,
    KEELSON_STORE_URL: 'mongodb://mongo/keelson',
  };

  it('is what the schemas of Kubernetes allow', () => {
    expect(manifests.map(({ kind }) => kind)).to.include.members(Object.keys(KINDS));
    for (const manifest of manifests) {
      const Kind = KINDS[manifest.kind as keyof typeof KINDS] as new (data: object) => { validate(): void };
      expect(() => new Kind(manifest).validate(), `${manifest.kind} ${manifest.metadata.name}`).not.to.throw();
    }
  });

  it('is refused by them where a field is wrong', () => {
    expect(() =>
      new Deployment({ metadata: { name: 'keelson' }, spec: { replicas: 'three' } as never }).validate(),
    ).to.throw();
  });

  it('is all of it in kustomization.yaml, but for what needs the Prometheus operator', () => {
    const { resources } = parse(readText(`${KUBERNETES}/kustomization.yaml`)) as { resources: string[] };
    expect([...resources, 'kustomization.yaml', 'servicemonitor.yaml'].sort()).to.deep.equal([...files].sort());
  });

  it('gives a Pod settings that it starts with, and the time that a stop may take', () => {
    const config = readConfig(settings);
    const graceMs = (pod?.terminationGracePeriodSeconds ?? 0) * MS_PER_SECOND;
    expect(graceMs).to.be.at.least(stopMsMax(config));
    // What looks after the Pod must learn that it goes while it still takes calls.
    const readiness = container?.readinessProbe;
    expect(config.settleMs).to.be.at.least((readiness?.periodSeconds ?? 0) * MS_PER_SECOND);
  });

  it('names the ports as the server has them, in container, services, probes and policy', () => {
    const ports = portsOf(readConfig(settings));
    const named = Object.fromEntries(
      (container?.ports ?? []).map(({ name = '', containerPort }): [string, number] => [name, containerPort]),
    );
    expect(named).to.deep.equal(ports);
    const services = [find('Service'), find('Service', 'keelson-grpc')].flatMap(
      (service) => service?.spec?.ports ?? [],
    );
    expect(Object.fromEntries(services.map(({ targetPort, port }) => [targetPort, port]))).to.deep.equal(ports);
    const allowed = find('NetworkPolicy')?.spec?.ingress?.flatMap((rule) => rule.ports ?? []);
    expect(allowed?.map(({ port }) => port)).to.have.members(Object.keys(ports));
  });

  it('asks for pages that the admin listener has', async () => {
    const admin = createAdminServer({ metrics: createMetrics(), isReady: () => true });
    const port = await admin.listen({ host: '127.0.0.1', port: 0 });
    try {
      for (const probe of [container?.startupProbe, container?.readinessProbe, container?.livenessProbe]) {
        expect(probe?.httpGet?.port).to.equal('admin');
        expect((await fetch(`http://127.0.0.1:${port}${probe?.httpGet?.path}`)).status).to.equal(200);
      }
    } finally {
      await admin.close();
    }
  });

  it('keeps no replica from being moved, and never moves all', () => {
    const replicas = find('HorizontalPodAutoscaler')?.spec;
    expect(replicas?.minReplicas).to.equal(find('Deployment')?.spec?.replicas);
    expect(replicas?.minReplicas).to.be.greaterThan(Number(find('PodDisruptionBudget')?.spec?.maxUnavailable));
  });

  it('selects its own Pods everywhere', () => {
    const labels = find('Deployment')?.spec?.template.metadata?.labels;
    const texts = files.filter((file) => file.endsWith('.yaml')).map((file) => readText(`${KUBERNETES}/${file}`));
    const selected = texts.flatMap((text) => text.match(/(?:[sS]elector|matchLabels): *\{.*\}/g) ?? []);
    const own = selected.filter((line) => line.includes('app.kubernetes.io/name'));
    expect(own).to.have.length(7);
    for (const line of own) expect(parse(line.slice(line.indexOf('{')))).to.deep.equal(labels);
  });

  describe('as kubectl reads it', () => {
    before(requireTool('kubectl'));
    it('is put together', () => {
      const text = execFileSync('kubectl', ['kustomize', KUBERNETES], { encoding: 'utf8' });
      expect(parseAllDocuments(text)).to.have.length(manifests.length);
    });
  });
});
