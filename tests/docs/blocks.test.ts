import { expect } from 'chai';
import { readDocBlocks } from '../support/doc-blocks.js';
import { listFiles } from '../support/repository.js';
import { requireTool } from '../support/require-tool.js';

/** How many blocks of code each page has, all of which the tests of this folder that stand behind it follow. */
const FOLLOWED: Readonly<Record<string, number>> = {
  'ARCHITECTURE.md': 1, // excerpts
  'README.md': 8, // readme
  'bench/README.md': 1, // excerpts
  'docs/access.md': 4, // pages, excerpts
  'docs/clients.md': 16, // clients, client-blocks
  'docs/documents.md': 2, // pages
  'docs/gateway.md': 4, // pages, excerpts
  'docs/identity.md': 4, // pages
  'docs/operations.md': 2, // pages
  'docs/resources.md': 2, // resources
  'docs/tutorial.md': 17, // tutorial
};

describe('The blocks of code in all pages', () => {
  before(requireTool('git'));

  it('are followed by a test: whoever adds one follows it there, and counts it here', () => {
    const pages = listFiles().filter((path) => path.endsWith('.md'));
    const counted = pages.map((page) => [page, readDocBlocks(page).length] as const).filter(([, blocks]) => blocks > 0);
    expect(Object.fromEntries(counted)).to.deep.equal(FOLLOWED);
  });
});
