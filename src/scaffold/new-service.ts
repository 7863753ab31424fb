import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fillTemplate } from './fill-template.js';
import { ScaffoldError, wordsOf, type ServiceRequest, type Words } from './words.js';

/** The one place where areas are put together. */
const AREAS_FILE = 'src/areas.ts';
const TEMPLATES = 'templates/service';

/** What a new service consists of: which template makes which file. */
const FILES: readonly { readonly template: string; readonly path: string }[] = [
  { template: 'contract.proto.tmpl', path: 'proto/keelson/{{area}}/v1/{{one}}_service.proto' },
  { template: 'repository.ts.tmpl', path: 'src/repositories/{{many-kebab}}.ts' },
  { template: 'service.ts.tmpl', path: 'src/services/{{area}}/{{one-kebab}}-service.ts' },
  { template: 'e2e.test.ts.tmpl', path: 'tests/e2e/{{many-kebab}}.test.ts' },
  { template: 'docs.md.tmpl', path: 'docs/{{many-kebab}}.md' },
];

/** A file of the checkout, as it is to be. */
export interface PlannedFile {
  readonly path: string;
  readonly text: string;
  readonly isNew: boolean;
}

/** Says what is to be written, and writes nothing. Throws ScaffoldError for what cannot be, or is there already. */
export async function planService(root: string, request: ServiceRequest): Promise<readonly PlannedFile[]> {
  if (!existsSync(join(root, AREAS_FILE)))
    throw new ScaffoldError(`Cannot add a service: "${root}" is no checkout of Keelson, it has no ${AREAS_FILE}`);
  const words = wordsOf(request);
  await assertFree(root, words);
  const made = FILES.map(async ({ template, path }) => {
    const text = await readFile(join(root, TEMPLATES, template), 'utf8');
    return { path: fillTemplate(path, words), text: fillTemplate(text, words), isNew: true };
  });
  const files = await Promise.all(made);
  const taken = files.find(({ path }) => existsSync(join(root, path)));
  if (taken !== undefined) throw new ScaffoldError(`Cannot write ${taken.path}: it exists, and nothing is overwritten`);
  const areas = await readFile(join(root, AREAS_FILE), 'utf8');
  return [...files, { path: AREAS_FILE, text: registerArea(areas, words), isNew: false }];
}

/** Writes what was planned. A file that has appeared meanwhile is not overwritten. */
export async function writePlan(root: string, plan: readonly PlannedFile[]): Promise<void> {
  for (const { path, text, isNew } of plan) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text, { flag: isNew ? 'wx' : 'w' });
  }
}

/** Contracts share one space of resource types and of URLs, and the ledger one of collections. */
async function assertFree(root: string, words: Words): Promise<void> {
  const { One = '', many = '', manyCamel = '', area = '' } = words;
  for (const path of await filesBelow(root, 'proto/keelson', '.proto')) {
    const text = await readFile(join(root, path), 'utf8');
    const inArea = path.startsWith(`proto/keelson/${area}/`);
    const clash =
      text.includes(`type: "keelson.dev/${One}"`) ||
      text.includes(`plural: "${manyCamel}"`) ||
      (inArea && new RegExp(`^(?:message|enum|service) ${One}(?:Service)? \\{`, 'm').test(text));
    if (clash) throw new ScaffoldError(`Cannot add "${many}": ${path} has it already`);
  }
  for (const path of await filesBelow(root, 'src/repositories', '.ts')) {
    const text = await readFile(join(root, path), 'utf8');
    if (new RegExp(`(?:_COLLECTION = |collection: )'${many}'`).test(text))
      throw new ScaffoldError(`Cannot add "${many}": ${path} keeps its resources under that name`);
  }
}

async function filesBelow(root: string, folder: string, ending: string): Promise<string[]> {
  const found = await readdir(join(root, folder), { recursive: true });
  return found.filter((path) => path.endsWith(ending)).map((path) => `${folder}/${path}`);
}

/** Puts the service into the table of areas, with its imports. */
function registerArea(text: string, words: Words): string {
  const table = /(?<=\nconst AREAS\b[^=]*= \[)([^\]]*?),?\s*(?=\];\n)/;
  const lastImport = /(?<=^import [^\n]*;\n)(?!import )/m;
  if (!table.test(text) || !lastImport.test(text))
    throw new ScaffoldError(`Cannot add a service: ${AREAS_FILE} has no imports, or no table "const AREAS = [...];"`);
  const imports = [
    "import { open{{Many}} } from './repositories/{{many-kebab}}.js';\n",
    ...(text.includes('{ serviceOn }') ? [] : ["import { serviceOn } from './service-on.js';\n"]),
    "import { create{{One}}Service } from './services/{{area}}/{{one-kebab}}-service.js';\n",
  ];
  return text
    .replace(lastImport, fillTemplate(imports.join(''), words))
    .replace(table, (_all, entries: string) =>
      fillTemplate(`${entries}, serviceOn(open{{Many}}, create{{One}}Service)`, words),
    );
}
