import type { Registry } from '@bufbuild/protobuf';
import { jsonText, type HttpAnswer } from '../answer.js';
import type { Binding } from '../routes/binding.js';
import type { ServerInfo } from '../server-info.js';
import { createOpenApiDocument } from '../openapi/document.js';
import { createDocsPages } from './docs-page.js';

/** Something that the gateway answers by itself. */
export interface Page {
  readonly path: string;
  /** Says what it is, in the list at the root. Undefined for a part of another page. */
  readonly purpose: string | undefined;
  render(): HttpAnswer | Promise<HttpAnswer>;
}

export interface PagesDeps {
  readonly registry: Registry;
  readonly bindings: readonly Binding[];
  readonly serverInfo: ServerInfo;
  /** Tells whether calls would succeed now. */
  readonly isReady: () => boolean;
}

/** Makes the pages that need no call: the root, the probes and the documentation. */
export function createPages({ registry, bindings, serverInfo, isReady }: PagesDeps): Page[] {
  const openApi = openApiPage({ registry, bindings, serverInfo });
  const pages: Page[] = [
    ...createDocsPages(serverInfo),
    { path: '/openapi.json', purpose: 'the calls, described for programs (OpenAPI 3.1)', render: () => openApi },
    { path: '/healthz', purpose: '200 while the process is alive', render: () => probe(200, 'alive') },
    {
      path: '/readyz',
      purpose: '200 while it can take calls, else 503',
      render: () => (isReady() ? probe(200, 'ready') : probe(503, 'not ready')),
    },
  ];
  const root = rootPage(pages, bindings, serverInfo);
  return [{ path: '/', purpose: 'this list', render: () => root }, ...pages];
}

function probe(status: number, word: string): HttpAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json' },
    body: jsonText({ status: word }, { isPretty: false }),
  };
}

function openApiPage(parts: Pick<PagesDeps, 'registry' | 'bindings' | 'serverInfo'>): HttpAnswer {
  const body = jsonText(createOpenApiDocument(parts), { isPretty: true });
  return { status: 200, headers: { 'content-type': 'application/json', 'cache-control': 'no-cache' }, body };
}

function rootPage(pages: readonly Page[], bindings: readonly Binding[], { name, version }: ServerInfo): HttpAnswer {
  const rows = [
    ...pages.flatMap(({ path, purpose }) => (purpose === undefined ? [] : [['GET', path, purpose]])),
    ...bindings.map(({ httpMethod, template, method }) => [httpMethod, template.text, method.descriptor.name]),
  ];
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  const body = `${name} ${version}\n\n${lines.join('\n')}\n`;
  return { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body };
}
