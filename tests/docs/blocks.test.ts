import { expect } from 'chai';
import { readDocBlocks, type DocBlock } from '../support/doc-blocks.js';
import { listFiles } from '../support/repository.js';
import { requireTool } from '../support/require-tool.js';

/** The blocks of code that a test of this folder follows, by their pages. */
const FOLLOWED: Readonly<Record<string, (block: DocBlock) => boolean>> = {
  'README.md': () => true,
  'docs/clients.md': ({ file, remark, code }) => file !== undefined || remark !== '' || code === 'npm run contracts',
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
    blocks: 2,
    why: 'a condition, of which tests/unit/services/access has many, and settings of Envoy',
  },
  'docs/clients.md': { blocks: 4, why: 'parts of programs, each with a test of its own in tests/e2e/call-*.test.ts' },
  'docs/documents.md': {
    blocks: 1,
    why: 'needs a file of orders; tests/e2e/document-imports.test.ts runs the commands',
  },
  'docs/gateway.md': {
    blocks: 4,
    why: 'shapes of answers, and servers elsewhere; tests/e2e/gateway-*.test.ts has them',
  },
  'docs/identity.md': { blocks: 3, why: 'needs users and a page in a browser; tests of identity make the calls' },
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
