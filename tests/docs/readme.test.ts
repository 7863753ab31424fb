import { expect } from 'chai';
import { copyCheckout, type CheckoutCopy } from '../support/checkout-copy.js';
import { readDocBlocks } from '../support/doc-blocks.js';
import { openDocShell, type DocShell } from '../support/doc-shell.js';
import { requireTool } from '../support/require-tool.js';

const STEP_MS_MAX = 300_000;

describe('README.md', function () {
  this.timeout(STEP_MS_MAX);
  let checkout: CheckoutCopy;
  let shell: DocShell;

  before(requireTool('git'));
  before(async () => {
    checkout = await copyCheckout();
    shell = await openDocShell(checkout.root);
  });
  after(async () => {
    await shell.close();
    await checkout.remove();
  });

  it('says nothing that does not work, from the first command to the last', async () => {
    let printed = '';
    for (const block of readDocBlocks('README.md')) printed += await shell.follow(block);

    expect(printed).to.match(/"text": *"hello"/);
    expect(printed).to.include('from a file');
    expect(printed).to.include('SERVING').and.include('ETAG_MISMATCH');
  });
});
