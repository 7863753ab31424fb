import { createHash } from 'node:crypto';
import type { HttpAnswer } from '../answer.js';
import type { Binding } from '../routes/binding.js';
import type { ServerInfo } from '../server-info.js';
import { accessText, methodComment } from './contract-text.js';

/** Makes the page that lists the routes for people. It is one file: no script, no font and no image comes from elsewhere. */
export function createDocsPage(bindings: readonly Binding[], { name, version }: ServerInfo): HttpAnswer {
  const title = `${name} ${version}`;
  const services = [...new Set(bindings.map(({ method }) => method.descriptor.parent))];
  const sections = services.map((service) => {
    const own = bindings.filter(({ method }) => method.descriptor.parent === service);
    return `<section><h2>${escape(service.typeName)}</h2>${own.map(bindingHtml).join('')}</section>`;
  });
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header><h1>${escape(title)}</h1>
<p>The calls that are served over HTTP. Send a token as <code>authorization: Bearer &lt;token&gt;</code>.
Every answer carries <code>x-request-id</code>, under which the server's log has the call.</p></header>
<main>${sections.join('\n')}</main>
</body>
</html>
`;
  return { status: 200, headers: HEADERS, body: html };
}

function bindingHtml({ httpMethod, template, method }: Binding): string {
  const [first = '', ...more] = paragraphs(methodComment(method.descriptor));
  return `<article>
<h3><code class="method">${escape(httpMethod)}</code> <code class="path">${escape(template.text)}</code></h3>
<p>${first}</p>${more.map((text) => `<p class="more">${text}</p>`).join('')}
<p class="access">${escape(method.descriptor.name)}: for ${escape(accessText(method.policy.access))}</p>
</article>`;
}

function paragraphs(comment: string): string[] {
  const texts = comment.split(/\n\s*\n/).filter((text) => text !== '');
  return texts.map((text) => escape(text).replace(/`([^`]+)`/g, '<code>$1</code>'));
}

function escape(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replace(/[&<>"']/g, (char) => entities[char] ?? char);
}

const STYLE = `
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
h1 { margin-bottom: 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 0.5rem; }
h3 { font-size: 1rem; margin: 0; font-weight: normal; }
article { border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: 0.5rem; padding: 0.75rem 1rem; margin: 0.75rem 0; }
article p { margin: 0.5rem 0 0; }
code { font: 0.95em ui-monospace, monospace; }
.method { font-weight: bold; }
.access { opacity: 0.75; font-size: 0.9rem; }
`;
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
};
