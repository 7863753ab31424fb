import { expect } from 'chai';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { startTestApp, type TestApp } from '../support/app.js';
import { startChromium } from '../support/chromium.js';
import { FAINT_TEXTS } from '../support/faint-texts.js';
import { requireTool } from '../support/require-tool.js';
import { startServerProcess } from '../support/server-process.js';

const BROWSER_MS_MAX = 60_000;
const METHODS = ['CreateDocument', 'ListDocuments', 'GetDocument'];
const SETTINGS = { KEELSON_ADMIN_LISTEN: '127.0.0.1:0' };

type Target = Pick<TestApp, 'http' | 'token'>;

async function call({ http, token }: Target, path: string, init: RequestInit = {}): Promise<number> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const answer = await fetch(`${http}/v1/collections/notes/documents${path}`, { headers, ...init });
  await answer.arrayBuffer();
  return answer.status;
}

async function makeCalls(target: Target): Promise<void> {
  await call(target, '', { method: 'POST', body: JSON.stringify({ fields: { n: 1 } }) });
  for (let n = 0; n < 5; n += 1) await call(target, '');
  expect(await call(target, '/none')).to.equal(404);
}

interface Message {
  readonly view: {
    readonly isReady: boolean;
    readonly revision: number;
    readonly services: readonly { readonly name: string; readonly isServing: boolean }[];
    readonly connections: Readonly<Record<string, number>>;
    readonly methods: readonly { readonly method: string; readonly callsPerSecond: number }[];
    readonly slowest: readonly { readonly method: string; readonly code: string; readonly requestId: string }[];
  };
  readonly points: readonly { readonly time: number }[];
}

/** Reads messages until one is as it should be. */
async function readUntil(admin: string, accept: string, isWanted: (message: Message) => boolean): Promise<Message[]> {
  const gone = new AbortController();
  const answer = await fetch(`${admin}/console/feed`, { headers: { accept }, signal: gone.signal });
  expect(answer.headers.get('content-type')).to.equal(accept);
  const messages: Message[] = [];
  let rest = '';
  for await (const piece of answer.body ?? []) {
    const lines = (rest + new TextDecoder().decode(piece as Uint8Array)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const json = line.replace(/^data: /, '');
      if (json.startsWith('{')) messages.push(JSON.parse(json) as Message);
    }
    const last = messages.at(-1);
    if (last !== undefined && isWanted(last)) break;
  }
  gone.abort();
  return messages;
}

describe('/console/feed', function () {
  this.timeout(BROWSER_MS_MAX);
  let app: TestApp;
  before(async () => (app = await startTestApp(SETTINGS)));
  after(() => app?.close());

  for (const accept of ['text/event-stream', 'application/x-ndjson']) {
    it(`tells what the process does as ${accept}`, async () => {
      const load = setInterval(() => void makeCalls(app).catch(() => undefined), 100);
      const isBusy = ({ view }: Message) =>
        view.methods.some(({ callsPerSecond }) => callsPerSecond > 0) &&
        METHODS.every((name) => view.methods.some(({ method }) => method === name));
      const messages = await readUntil(app.admin, accept, isBusy).finally(() => clearInterval(load));
      const view = messages.at(-1)?.view;
      expect(view).to.include({ isReady: true });
      expect(view?.revision).to.be.greaterThan(0);
      expect(view?.connections).to.have.keys('grpc', 'http');
      expect(view?.connections['http']).to.be.greaterThan(0);
      expect(view?.services).to.deep.include({ name: 'keelson.documents.v1.DocumentService', isServing: true });
      expect(view?.slowest[0]?.method).to.be.oneOf(METHODS);
      expect(view?.slowest[0]?.requestId).to.match(/\S/);
      const times = messages.flatMap(({ points }) => points.map(({ time }) => time));
      expect(times).to.deep.equal([...new Set(times)].sort((a, b) => a - b));
    });
  }

  it('comes as a JSON array where nothing else is asked for', async () => {
    const gone = new AbortController();
    const answer = await fetch(`${app.admin}/console/feed`, { signal: gone.signal });
    expect(answer.headers.get('content-type')).to.equal('application/json');
    gone.abort();
  });

  it('is not on the listeners that callers reach', async () => {
    expect((await fetch(`${app.http}/console`)).status).to.equal(404);
  });
});

describe('/console/feed of a server with workers', function () {
  this.timeout(BROWSER_MS_MAX);

  it('tells what all of them do together', async () => {
    const server = await startServerProcess({
      args: ['--workers', '2'],
      settings: { ...SETTINGS, KEELSON_LOG_LEVEL: 'silent' },
    });
    try {
      await makeCalls(server);
      const isWhole = ({ view }: Message) => view.slowest.length > 0 && view.services.length > 0;
      const [view] = (await readUntil(server.admin, 'text/event-stream', isWhole)).slice(-1).map((last) => last.view);
      expect(view?.services.filter(({ isServing }) => !isServing)).to.deep.equal([]);
      expect(view?.methods.map(({ method }) => method)).to.include('CreateDocument');
      expect(view?.isReady).to.equal(true);
    } finally {
      await server.close();
    }
  });
});

describe('/console in a browser', function () {
  this.timeout(BROWSER_MS_MAX);
  before(requireTool('chromium'));

  let app: TestApp;
  let browser: Browser;
  before(async () => {
    app = await startTestApp(SETTINGS);
    browser = await startChromium();
  });
  after(async () => {
    await browser?.close();
    await app?.close();
  });

  async function visit(
    admin: string,
    look: { colorScheme?: 'light' | 'dark'; width?: number } = {},
  ): Promise<{ page: Page; context: BrowserContext; complaints: string[] }> {
    const { colorScheme = 'light', width = 1280 } = look;
    const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (err) => complaints.push(err.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(`${admin}/`)) complaints.push(`asked for ${request.url()}`);
    });
    await page.goto(`${admin}/console`);
    await page.locator('.tiles').waitFor();
    return { page, context, complaints };
  }
  const screenshot = async (page: Page, name: string) => {
    const folder = process.env['KEELSON_TEST_SCREENSHOTS'];
    if (folder !== undefined) await page.screenshot({ path: `${folder}/console-${name}.png`, fullPage: true });
  };

  it('says so where no call has ended yet, and shows calls as they come', async () => {
    const fresh = await startServerProcess({ settings: { ...SETTINGS, KEELSON_LOG_LEVEL: 'silent' } });
    try {
      const { page, context, complaints } = await visit(fresh.admin);
      await page.getByText('No call has ended yet').waitFor();
      await makeCalls(fresh);
      const row = page.locator('#methods tbody tr', { hasText: 'ListDocuments' });
      await row.waitFor();
      expect(await page.locator('.slowest tbody tr').count()).to.be.greaterThan(0);
      expect(complaints).to.deep.equal([]);
      await context.close();
    } finally {
      await fresh.close();
    }
  });

  it('says that the connection is lost, and goes on once the server is back', async () => {
    const first = await startServerProcess({ settings: { ...SETTINGS, KEELSON_LOG_LEVEL: 'silent' } });
    const port = new URL(first.admin).port;
    const { page, context } = await visit(first.admin);
    await page.getByText('Ready', { exact: true }).waitFor();
    await first.close();
    await page.getByText('Connection lost').waitFor();
    expect(await page.getByRole('alert').innerText()).to.match(/^These figures are from \d\d:\d\d:\d\d/);
    for (const width of [1280, 360]) {
      await page.setViewportSize({ width, height: 900 });
      expect(await page.evaluate(STANDING_OUT), 'pixels that stand out').to.be.at.most(0);
      expect(await page.evaluate(FAINT_TEXTS)).to.deep.equal([]);
      await screenshot(page, `lost-${width}`);
    }
    const second = await startServerProcess({
      settings: { KEELSON_ADMIN_LISTEN: `127.0.0.1:${port}`, KEELSON_LOG_LEVEL: 'silent' },
    });
    try {
      await page.getByText('Ready', { exact: true }).waitFor();
      expect(await page.getByRole('alert').count()).to.equal(0);
      await context.close();
    } finally {
      await second.close();
    }
  });

  it('is used with the keyboard alone', async () => {
    await makeCalls(app);
    const { page, context } = await visit(app.admin);
    await page.locator('#methods tbody tr').first().waitFor();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).to.equal('Skip to the methods');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    const sorted = page.locator('th[aria-sort=ascending]');
    await sorted.waitFor();
    expect(await sorted.innerText()).to.match(/^Method/);
    const names = await page.locator('#methods tbody b').allInnerTexts();
    await page.keyboard.press('Enter');
    await page.locator('th[aria-sort=descending]').waitFor();
    expect(await page.locator('#methods tbody b').allInnerTexts()).to.deep.equal(names.toReversed());
    await context.close();
  });

  it('runs no script and no style but its own', async () => {
    const answer = await fetch(`${app.admin}/console`);
    const policy = answer.headers.get('content-security-policy') ?? '';
    expect(policy).to.include("default-src 'none'").and.not.include('unsafe');
    const { page, context, complaints } = await visit(app.admin);
    await page.evaluate(`{
      const script = document.createElement('script');
      script.textContent = 'document.title = "taken over"';
      document.body.append(script);
    }`);
    expect(await page.title()).to.equal('Keelson console');
    expect(complaints.join('\n')).to.match(/Content Security Policy/);
    await context.close();
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [1280, 360]) {
      it(`fits ${width} pixels, in ${colorScheme} colours that can be read`, async () => {
        await makeCalls(app);
        const { page, context, complaints } = await visit(app.admin, { colorScheme, width });
        await page.locator('#methods tbody tr').first().waitFor();
        await page.locator('.plot canvas').first().waitFor();
        expect(await page.evaluate(STANDING_OUT), 'pixels that stand out').to.be.at.most(0);
        expect(await page.evaluate(CUT_OFF), 'texts that are cut off').to.deep.equal([]);
        expect(await page.evaluate(FAINT_TEXTS)).to.deep.equal([]);
        expect(complaints).to.deep.equal([]);
        await screenshot(page, `${colorScheme}-${width}`);
        await context.close();
      });
    }
  }
});

const STANDING_OUT = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';

/** Gives the cards whose content is wider than they are. */
const CUT_OFF = `[...document.querySelectorAll('.card, header')]
  .filter((element) => element.scrollWidth > element.clientWidth)
  .map((element) => element.textContent.slice(0, 60))`;
