import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

const ASSETS_PATH = '/console/assets';
const SCRIPT = 'text/javascript; charset=utf-8';
const STYLE = 'text/css; charset=utf-8';

/** A file of the page, as the listener sends it. */
export interface PageFile {
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string>>;
  read(): Promise<string>;
}

// The path is from dist/src/console/, where the compiled files are.
const OWN = new URL('../../../assets/console/', import.meta.url);

const OWN_FILES: Readonly<Record<string, string>> = {
  'app.mjs': SCRIPT,
  'chart.mjs': SCRIPT,
  'format.mjs': SCRIPT,
  'page.css': STYLE,
  'icon.svg': 'image/svg+xml',
};

/** What the page loads from packages; nothing comes from another host, and nothing is built. */
const PACKAGE_FILES: Readonly<Record<string, { readonly module: string; readonly contentType: string }>> = {
  'preact.mjs': { module: 'preact', contentType: SCRIPT },
  'preact-hooks.mjs': { module: 'preact/hooks', contentType: SCRIPT },
  'htm.mjs': { module: 'htm', contentType: SCRIPT },
  'uplot.mjs': { module: 'uplot/dist/uPlot.esm.js', contentType: SCRIPT },
  'uplot.css': { module: 'uplot/dist/uPlot.min.css', contentType: STYLE },
};

const IMPORTS = JSON.stringify({
  imports: {
    preact: `${ASSETS_PATH}/preact.mjs`,
    'preact/hooks': `${ASSETS_PATH}/preact-hooks.mjs`,
    htm: `${ASSETS_PATH}/htm.mjs`,
    uplot: `${ASSETS_PATH}/uplot.mjs`,
  },
});

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Keelson console</title>
<link rel="icon" href="${ASSETS_PATH}/icon.svg">
<link rel="stylesheet" href="${ASSETS_PATH}/uplot.css">
<link rel="stylesheet" href="${ASSETS_PATH}/page.css">
<script type="importmap">${IMPORTS}</script>
<script type="module" src="${ASSETS_PATH}/app.mjs"></script>
</head>
<body>
<noscript>This page needs scripts. <a href="/metrics">/metrics</a> says the same to programs.</noscript>
<div id="console"></div>
</body>
</html>
`;

// The map of imports has to stand in the page, and so is named by its hash.
const POLICY = [
  "default-src 'none'",
  `script-src 'self' 'sha256-${createHash('sha256').update(IMPORTS).digest('base64')}'`,
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** All files of the page, by their paths. */
export function createPageFiles(): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>();
  const page = { 'content-security-policy': POLICY, 'referrer-policy': 'no-referrer' };
  files.set('/console', { contentType: 'text/html; charset=utf-8', headers: page, read: async () => PAGE });
  const add = (name: string, contentType: string, url: () => URL) =>
    files.set(`${ASSETS_PATH}/${name}`, { contentType, headers: {}, read: () => readFile(url(), 'utf8') });
  for (const [name, contentType] of Object.entries(OWN_FILES)) add(name, contentType, () => new URL(name, OWN));
  for (const [name, { module, contentType }] of Object.entries(PACKAGE_FILES)) {
    add(name, contentType, () => new URL(import.meta.resolve(module)));
  }
  return files;
}
