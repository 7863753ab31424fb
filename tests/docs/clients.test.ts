import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { startTestApp, type TestApp } from '../support/app.js';
import { readDocBlocks } from '../support/doc-blocks.js';
import { openDocShell } from '../support/doc-shell.js';
import { requireLanguage } from '../support/reaches-registry.js';

/** Packages of each language are installed, if they are not on this machine yet. */
const STEP_MS_MAX = 600_000;

/** In the words of the page: the remark of their commands, and the language of their program. Go is in the tutorial. */
const LANGUAGES = [
  { remark: 'python', name: 'Python', files: ['python'], probe: 'python' },
  { remark: 'typescript', name: 'TypeScript', files: ['yaml', 'js'], probe: 'npm' },
  { remark: 'java', name: 'Java', files: ['xml', 'java'], probe: 'java' },
] as const;

describe('The clients of other languages', function () {
  this.timeout(STEP_MS_MAX);
  const blocks = readDocBlocks('docs/clients.md');
  let app: TestApp;
  let folder: string;

  before(async () => {
    app = await startTestApp();
    folder = await mkdtemp(join(tmpdir(), 'keelson-clients-'));
    await symlink(resolve('.'), join(folder, 'keelson'));
    const checkout = await openDocShell(resolve('.'), { state: join(folder, 'state') });
    for (const block of blocks.filter(({ code }) => code === 'npm run contracts')) await checkout.follow(block);
  });
  after(async () => {
    await app.close();
    await rm(folder, { recursive: true, force: true });
  });

  for (const { remark, name, files, probe } of LANGUAGES) {
    it(`is made and called in ${name} as the page says`, async function () {
      await requireLanguage(this, probe);
      const shell = await openDocShell(folder, { grpc: app.address, env: { KEELSON_TOKEN: app.token } });
      const isOfFile = (language: string) => (files as readonly string[]).includes(language);
      let printed = '';
      for (const block of blocks) {
        const isOurs = block.remark === remark || (block.file !== undefined && isOfFile(block.language));
        if (isOurs) printed += await shell.follow(block);
      }
      expect(printed).to.match(new RegExp(`^${name} found 0$`, 'm'));
    });
  }
});
