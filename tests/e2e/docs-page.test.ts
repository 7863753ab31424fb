import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import { startTestApp, type TestApp } from '../support/app.js';
import { startChromium } from '../support/chromium.js';
import { FAINT_TEXTS } from '../support/faint-texts.js';
import { requireTool } from '../support/require-tool.js';

const GET_DOCUMENT = '[id$=DocumentService_GetDocument]';
const BROWSER_MS_MAX = 60_000;

interface Visit {
  readonly page: Page;
  /** What the browser complained about, and what it asked of other hosts. */
  readonly complaints: readonly string[];
}

describe('GET /docs in a browser', function () {
  this.timeout(BROWSER_MS_MAX);
  before(requireTool('chromium'));

  let app: TestApp;
  let browser: Browser;
  before(async () => {
    app = await startTestApp();
    browser = await startChromium();
    const saved = await fetch(`${app.http}/v1/collections/notes/documents?documentId=first`, {
      method: 'POST',
      headers: { authorization: `Bearer ${app.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ fields: { text: 'hello' } }),
    });
    expect(saved.status).to.equal(200);
  });
  after(async () => {
    await browser?.close();
    await app?.close();
  });

  async function visit(look: { colorScheme?: 'light' | 'dark'; width?: number } = {}): Promise<Visit> {
    const { colorScheme = 'light', width = 1280 } = look;
    const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (err) => complaints.push(err.message));
    await context.route('**', (route) => {
      const url = route.request().url();
      if (url.startsWith(`${app.http}/`) || url.startsWith('data:') || url.startsWith('blob:')) return route.continue();
      complaints.push(`asked for ${url}`);
      return route.abort();
    });
    await page.goto(`${app.http}/docs`);
    await page.locator(GET_DOCUMENT).waitFor();
    return { page, complaints };
  }

  async function signIn(page: Page, token: string): Promise<void> {
    await page.getByRole('button', { name: 'Authorize' }).first().click();
    await page.locator('.auth-container input').fill(token);
    await page.locator('.auth-btn-wrapper button[type=submit]').click();
    await page.locator('.auth-btn-wrapper .btn-done').click();
  }

  /** Tries GetDocument on the document that is there, and gives the status and the body that the page shows. */
  async function tryGetDocument(page: Page): Promise<{ status: string; body: string }> {
    const operation = page.locator(GET_DOCUMENT);
    await operation.locator('.opblock-summary-control').click();
    await operation.locator('tr[data-param-name=collection] input').fill('notes');
    await operation.locator('tr[data-param-name=document] input').fill('first');
    await operation.getByRole('button', { name: 'Execute' }).click();
    const answer = operation.locator('.live-responses-table');
    await answer.waitFor();
    const status = await answer.locator('tbody .response-col_status').first().innerText();
    return { status: status.trim(), body: await answer.innerText() };
  }

  it('loads from its own host alone, with nothing to complain about', async () => {
    const { page, complaints } = await visit();
    await page.locator('.info .title').waitFor();
    expect(await page.title()).to.match(/^keelson \d/);
    expect(complaints).to.deep.equal([]);
    await page.context().close();
  });

  it('tries a call once somebody has signed in, and says why it is refused before', async () => {
    const { page } = await visit();
    const refused = await tryGetDocument(page);
    expect(refused.status).to.match(/^401/);
    expect(refused.body).to.include('TOKEN_MISSING');
    await signIn(page, app.token);
    await page.locator(GET_DOCUMENT).getByRole('button', { name: 'Execute' }).click();
    await page.locator(GET_DOCUMENT).locator('.live-responses-table', { hasText: 'hello' }).waitFor();
    expect(await page.locator(GET_DOCUMENT).locator('.live-responses-table').innerText()).to.include(
      'collections/notes/documents/first',
    );
    await page.context().close();
  });

  it('forgets the token when it is loaded again', async () => {
    const { page } = await visit();
    await signIn(page, app.token);
    await page.reload();
    await page.locator(GET_DOCUMENT).waitFor();
    expect((await tryGetDocument(page)).status).to.match(/^401/);
    await page.context().close();
  });

  it('opens an operation by keyboard alone', async () => {
    const { page } = await visit();
    const control = page.locator(`${GET_DOCUMENT} .opblock-summary-control`);
    await control.focus();
    await page.keyboard.press('Enter');
    await page.locator(`${GET_DOCUMENT} .parameters`).waitFor();
    expect(await control.getAttribute('aria-expanded')).to.equal('true');
    await page.context().close();
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [1280, 360]) {
      it(`fits ${width} pixels, in ${colorScheme} colours that can be read`, async () => {
        const { page, complaints } = await visit({ colorScheme, width });
        await page.locator(`${GET_DOCUMENT} .opblock-summary-control`).click();
        await page.locator(`${GET_DOCUMENT} .responses-table`).first().waitFor();
        const overflow = await page.evaluate(
          'document.documentElement.scrollWidth - document.documentElement.clientWidth',
        );
        expect(overflow, 'pixels that stand out').to.be.at.most(0);
        const faint = (await page.evaluate(FAINT_TEXTS)) as string[];
        expect(faint).to.deep.equal([]);
        expect(complaints).to.deep.equal([]);
        const folder = process.env['KEELSON_TEST_SCREENSHOTS'];
        if (folder !== undefined) await page.screenshot({ path: `${folder}/docs-${colorScheme}-${width}.png` });
        await page.context().close();
      });
    }
  }
});
