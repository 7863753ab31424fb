import { expect } from 'chai';
import { readDocBlocks, type DocBlock } from '../support/doc-blocks.js';
import { listFiles } from '../support/repository.js';
import { requireTool } from '../support/require-tool.js';

/** The blocks of code that a test of this folder follows, by their pages. */
const FOLLOWED: Readonly<Record<string, (block: DocBlock) => boolean>> = {
  'README.md': () => true,
  'docs/access.md': ({ language, code }) => language === 'sh' || code.includes('request.time'),
  'docs/clients.md': () => true,
  'docs/documents.md': () => true,
  'docs/gateway.md': ({ language }) => language !== 'ts',
  'docs/identity.md': () => true,
  'docs/operations.md': () => true,
  'docs/tutorial.md': () => true,
};

/** How many others a page has, and why no test follows them. A number only gets smaller. */
const NOT_FOLLOWED: Readonly<Record<string, { readonly blocks: number; readonly why: string }>> = {
  'ARCHITECTURE.md': { blocks: 1, why: 'a drawing' },
  'bench/README.md': {
    blocks: 2,
    why: 'measures for minutes; CI runs "npm run bench:check", which is the same program',
  },
  'docs/access.md': {
    blocks: 1,
    why: 'settings of Envoy, which needs Envoy; tests/e2e/envoy-authorization.test.ts asks with the same',
  },
  'docs/gateway.md': { blocks: 1, why: 'a part of a program; tests/e2e/gateway-browser.test.ts has a whole one' },
  'docs/resources.md': {
    blocks: 2,
    why: 'parts of definitions; tests/contract/message-resources.test.ts has a whole one',
  },
};

describe('The blocks of code in all pages', () => {
  before(requireTool('git'));

  it('are followed by a test, save those that the list says why not', () => {
    const pages = listFiles().filter((path) => path.endsWith('.md'));
    const others = pages.flatMap((page) => {
      const blocks = readDocBlocks(page).filter((block) => !(FOLLOWED[page]?.(block) ?? false));
      return blocks.length === 0 ? [] : [[page, blocks.length] as const];
    });
    const listed = Object.entries(NOT_FOLLOWED).map(([page, { blocks }]) => [page, blocks]);
    expect(Object.fromEntries(others)).to.deep.equal(Object.fromEntries(listed));
  });
});
