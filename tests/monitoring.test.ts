import { existsSync } from 'node:fs';
import { parser } from '@prometheus-io/lezer-promql';
import { expect } from 'chai';
import { parse } from 'yaml';
import { createMetrics } from '../src/telemetry/metrics.js';
import { readText } from './support/repository.js';

/** What Grafana puts in the place of its variables. */
const VARIABLES: Readonly<Record<string, string>> = { $__rate_interval: '5m', $job: '.*' };
/** Labels that Prometheus adds. */
const ADDED = ['instance', 'job', 'le'];

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly summary: string };
}

interface Panel {
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly w: number };
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
}

describe('docs/operations.md', () => {
  it('names tests that are there for what its run books say', () => {
    const [, books = ''] = readText('docs/operations.md').split('## Run books');
    for (const [title, book = ''] of books
      .split('\n### ')
      .slice(1)
      .map((text) => text.split(/\n(.*)/s))) {
      const named = [...book.matchAll(/`(tests\/[\w/.-]+)`/g)].map(([, path = '']) => path);
      expect(named, title).not.to.deep.equal([]);
      for (const path of named) expect(existsSync(path), path).to.equal(true);
    }
  });
});

describe('deploy/prometheus and deploy/grafana', () => {
  const { groups } = parse(readText('deploy/prometheus/alerts.yaml')) as { groups: { rules: Rule[] }[] };
  const rules = groups.flatMap((group) => group.rules);
  const { panels } = JSON.parse(readText('deploy/grafana/keelson.json')) as { panels: Panel[] };
  const expressions = [
    ...rules.map(({ alert, expr }) => ({ where: alert, expr })),
    ...panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ where: title, expr }))),
  ];
  const explained = readText('docs/metrics.md');

  it('have expressions that Prometheus reads', () => {
    const wrong = expressions.filter(({ expr }) => namesIn(expr).errors > 0);
    expect(wrong).to.deep.equal([]);
    expect(namesIn('sum(rate(x[5m])').errors).to.be.greaterThan(0);
  });

  it('name metrics that a server shows, with labels that these have', async () => {
    const own = [...explained.matchAll(/^\| `(keelson_\w+)` +\| (\w+)/gm)].flatMap(([, name = '', kind]) =>
      kind === 'histogram' ? ['_bucket', '_sum', '_count'].map((suffix) => name + suffix) : [name],
    );
    const usual = [...(await createMetrics().render()).text.matchAll(/^# TYPE ((?:process|nodejs)_\w+)/gm)];
    const known = new Set([...own, 'up', ...usual.map(([, name]) => name)]);
    const strange = expressions.flatMap(({ where, expr }) =>
      namesIn(expr)
        .metrics.filter((name) => !known.has(name))
        .map((name) => `${where}: ${name}`),
    );
    expect(strange).to.deep.equal([]);
    const labels = new Set(expressions.flatMap(({ expr }) => namesIn(expr).labels).filter((l) => !ADDED.includes(l)));
    // docs/metrics.md says what each metric is told apart by.
    const words = new Set(explained.match(/\b[a-z]+\b/g));
    expect([...labels].filter((label) => !words.has(label))).to.deep.equal([]);
  });

  it('show every metric of ours in some panel', () => {
    const shown = panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => namesIn(expr).metrics)).join(' ');
    const own = [...explained.matchAll(/^\| `(keelson_\w+)`/gm)].map(([, name = '']) => name);
    expect(own.filter((name) => !shown.includes(name))).to.deep.equal([]);
  });

  it('have a paragraph in docs/operations.md for each alert, and for nothing else', () => {
    const written = [...readText('docs/operations.md').matchAll(/^\| `(Keelson\w+)`/gm)].map(([, name]) => name);
    expect(written).to.deep.equal(rules.map(({ alert }) => alert));
  });

  it('have no panel that reaches over the edge', () => {
    expect(panels.filter(({ gridPos }) => gridPos.x + gridPos.w > 24)).to.deep.equal([]);
  });
});

/** What an expression names, and how much of it cannot be read. */
function namesIn(expression: string): { metrics: string[]; labels: string[]; errors: number } {
  const text = Object.entries(VARIABLES).reduce((all, [name, value]) => all.replaceAll(name, value), expression);
  const found = { metrics: [] as string[], labels: [] as string[], errors: 0 };
  parser.parse(text).iterate({
    enter: (node) => {
      const word = text.slice(node.from, node.to);
      if (node.type.isError) found.errors += 1;
      if (node.name === 'Identifier') found.metrics.push(word);
      if (node.name === 'LabelName') found.labels.push(word);
    },
  });
  return found;
}
