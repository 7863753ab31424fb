import { expect } from 'chai';
import { copyCheckout, type CheckoutCopy } from '../support/checkout-copy.js';
import { requireTool } from '../support/require-tool.js';

/** Generating, compiling and linting everything takes some seconds of a machine that does nothing else. */
const STEP_MS_MAX = 300_000;

describe('What keelson new service writes', function () {
  this.timeout(STEP_MS_MAX);
  let checkout: CheckoutCopy;

  before(requireTool('git'));

  before(async () => {
    checkout = await copyCheckout();
    await checkout.run('node bin/keelson.mjs new service parcels');
    await checkout.run("node bin/keelson.mjs new service price_lists --area parcels --parent 'parcels/{parcel}'");
  });

  after(() => checkout.remove());

  it('compiles, and passes its own tests', async () => {
    const tests = ['parcels', 'price-lists'].map((name) => `tests/e2e/${name}.test.ts`);

    expect(await checkout.run(`npm test --silent -- ${tests.join(' ')}`)).to.match(/^tests: 12 passed, 0 failed/m);
  });

  it('passes the checks of lint, format and contracts', async () => {
    const code = 'src/areas.ts src/repositories/p*s.ts src/services/parcels tests/e2e/p*s.test.ts';

    await checkout.run(`npm run --silent lint -- ${code}`);
    await checkout.run(`npx prettier --check ${code} docs/parcels.md docs/price-lists.md`);
    await checkout.run('npx buf format -d --exit-code proto && npm run --silent buf:lint');
  });
});
