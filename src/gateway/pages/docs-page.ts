import { readFile } from 'node:fs/promises';
import type { HttpAnswer } from '../answer.js';
import type { ServerInfo } from '../server-info.js';
import type { Page } from './pages.js';

const FILES_PATH = '/docs/assets';
const DAY_SECONDS = 24 * 60 * 60;

/** What the page loads from the viewer's package; nothing comes from another host. */
const VIEWER_FILES = [
  { name: 'swagger-ui-bundle.js', type: 'text/javascript; charset=utf-8' },
  { name: 'swagger-ui.css', type: 'text/css; charset=utf-8' },
] as const;
const VIEWER = 'swagger-ui-dist';

/**
 * Makes the page on which people read the contracts, sign in with a token and try calls: Swagger UI over
 * `/openapi.json`, with the files that it consists of.
 */
export function createDocsPages({ name, version }: ServerInfo): Page[] {
  const page = htmlPage(`${name} ${version}`);
  return [
    { path: '/docs', purpose: 'the calls, described, to be tried', render: () => page },
    asset('start.js', 'text/javascript; charset=utf-8', () => Promise.resolve(START)),
    asset('page.css', 'text/css; charset=utf-8', () => Promise.resolve(STYLE)),
    asset('icon.svg', 'image/svg+xml', () => Promise.resolve(ICON)),
    ...VIEWER_FILES.map(({ name: file, type }) => asset(file, type, () => readViewerFile(file))),
  ];
}

/** A file is read when it is first asked for. */
function asset(name: string, type: string, read: () => Promise<string>): Page {
  let content: Promise<string> | undefined;
  return {
    path: `${FILES_PATH}/${name}`,
    purpose: undefined,
    async render() {
      content ??= read();
      const headers = { 'content-type': type, 'cache-control': `public, max-age=${DAY_SECONDS}` };
      return { status: 200, headers, body: await content };
    },
  };
}

function readViewerFile(name: string): Promise<string> {
  return readFile(new URL(import.meta.resolve(`${VIEWER}/${name}`)), 'utf8');
}

function htmlPage(title: string): HttpAnswer {
  const body = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(title)}</title>
<link rel="icon" href="${FILES_PATH}/icon.svg">
<link rel="stylesheet" href="${FILES_PATH}/swagger-ui.css">
<link rel="stylesheet" href="${FILES_PATH}/page.css">
<script src="${FILES_PATH}/swagger-ui-bundle.js" defer></script>
<script src="${FILES_PATH}/start.js" defer></script>
</head>
<body>
<noscript>This page needs scripts. <a href="/openapi.json">/openapi.json</a> says the same to programs, and
<a href="/">/</a> lists the routes.</noscript>
<main id="docs"></main>
</body>
</html>
`;
  return { status: 200, headers: HEADERS, body };
}

function escape(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replace(/[&<>"']/g, (char) => entities[char] ?? char);
}

/** The token is kept in the page's memory only: whoever closes the page has signed out. */
const START = `'use strict';
const dark = matchMedia('(prefers-color-scheme: dark)');
const followScheme = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', followScheme);
followScheme();
SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#docs',
  presets: [SwaggerUIBundle.presets.apis],
  layout: 'BaseLayout',
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  filter: true,
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null,
});
`;

const STYLE = `
body { margin: 0; background: #fff; }
.dark-mode body { background: #1c2022; }
/* Long names break where there is no room for them beside what they name. */
.swagger-ui .opblock-tag, .swagger-ui .opblock-summary { flex-wrap: wrap; column-gap: 1rem; }
.swagger-ui .opblock-tag small { min-width: min(20rem, 100%); padding: 0.5rem 0; }
.swagger-ui .opblock-tag, .swagger-ui .opblock-summary-path, .swagger-ui td, .swagger-ui th { overflow-wrap: anywhere; }
.swagger-ui .opblock-tag { white-space: normal; }
/* The viewer's own colours are too faint to read. */
.dark-mode .swagger-ui .header-col { color: #e4e6e6; }
html:not(.dark-mode) .swagger-ui {
  .info .title small.version-stamp { background: #4a6b00; }
  .btn.authorize { border-color: #17714a; }
  .btn.authorize span { color: #17714a; }
  .btn.cancel { border-color: #b3261e; color: #b3261e; }
  .opblock-get .opblock-summary-method { background: #1f5ea8; }
  .opblock-post .opblock-summary-method { background: #17714a; }
  .opblock-patch .opblock-summary-method { background: #0d6e6e; }
  .opblock-put .opblock-summary-method { background: #8f5200; }
  .opblock-delete .opblock-summary-method { background: #b3261e; }
}
@media (max-width: 40rem) {
  .swagger-ui .wrapper, .swagger-ui .scheme-container .schemes { padding: 0 0.5rem; }
  .swagger-ui .opblock-tag { font-size: 1.1rem; }
  .swagger-ui table.parameters, .swagger-ui table.parameters > :is(thead, tbody),
  .swagger-ui table.parameters > :is(thead, tbody) > tr, .swagger-ui table.parameters > :is(thead, tbody) > tr > *,
  .swagger-ui table.responses-table, .swagger-ui table.responses-table > :is(thead, tbody),
  .swagger-ui table.responses-table > :is(thead, tbody) > tr, .swagger-ui table.responses-table > :is(thead, tbody) > tr > * {
    display: block; width: auto; max-width: none; min-width: 0;
  }
  .swagger-ui input[type=text], .swagger-ui textarea, .swagger-ui select { min-width: 0; width: 100%; max-width: 100%; }
  .swagger-ui .opblock-body pre.microlight { max-width: calc(100vw - 4rem); }
}
noscript { display: block; padding: 1rem; font-family: system-ui, sans-serif; }
`;

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="#3b7a57" d="M1 3h14l-3 8q-4 4-8 0z"/></svg>
`;

const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-cache',
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
};
