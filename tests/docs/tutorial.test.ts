import { expect } from 'chai';
import { copyCheckout, type CheckoutCopy } from '../support/checkout-copy.js';
import { readDocBlocks, type DocBlock } from '../support/doc-blocks.js';
import { openDocShell, type DocShell } from '../support/doc-shell.js';
import { requireLanguage } from '../support/reaches-registry.js';
import { requireTool } from '../support/require-tool.js';

/** Generating, compiling and linting everything takes some seconds of a machine that does nothing else. */
const STEP_MS_MAX = 300_000;
const HAND_WRITTEN_LINES_MAX = 100;

describe('The tutorial', function () {
  this.timeout(STEP_MS_MAX);
  const blocks = readDocBlocks('docs/tutorial.md');
  const forGo = blocks.findIndex(({ remark }) => remark === 'go');
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

  async function follow(part: readonly DocBlock[]): Promise<string> {
    let printed = '';
    for (const block of part) printed += await shell.follow(block);
    return printed;
  }

  it('asks for less than 100 lines to be written', () => {
    const written = blocks.flatMap(({ language, file, code }) => {
      const lines = code.split('\n');
      if (language === 'diff') return lines.filter((line) => /^\+(?!\+\+)/.test(line)).map((line) => line.slice(1));
      return file === undefined ? [] : lines;
    });
    expect(written.filter((line) => line.trim() !== '')).to.have.lengthOf.below(HAND_WRITTEN_LINES_MAX);
  });

  it('leads to a service with two resources, a method, a watch and permissions, word for word', async () => {
    const printed = await follow(blocks.slice(0, forGo));

    expect(printed).to.match(/^tests: 12 passed, 0 failed/m);
    expect(printed).to.match(/"sealTime": *"/);
    expect(printed).to.match(/PARCEL_SEALED[\s\S]*ParcelService_SealParcel[\s\S]*PERMISSION_DENIED/);
  });

  it('what it has made passes lint and format', async () => {
    const code = 'src/areas.ts src/services/parcels src/repositories/parcels.ts tests/e2e/labels.test.ts';

    await checkout.run(`npx prettier --check ${code} docs/parcels.md docs/errors.md`);
    await checkout.run(`npm run --silent lint -- ${code}`);
    await checkout.run('npx buf format -d --exit-code proto');
  });

  it('ends with a Go program that calls it', async function () {
    await requireLanguage(this, 'go');

    expect(await follow(blocks.slice(forGo))).to.match(/^sealed parcels\/p-2$/m);
  });
});
