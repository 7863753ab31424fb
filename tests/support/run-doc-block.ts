import { rm, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { transform } from 'esbuild';
import type { DocBlock } from './doc-blocks.js';

const IMPORT = /^import .*$/gm;
const EXPORT = /^export (?=const )/gm;

/** What a block takes for granted, by the names that it has for it. */
export type Given = Readonly<Record<string, unknown>>;

/**
 * Runs a block that is a part of a program as the body of a function in a module of this package, and gives what it has under a
 * name.
 */
export async function runDocBlock({ code }: DocBlock, given: Given, result = 'undefined'): Promise<unknown> {
  const imports = code.match(IMPORT) ?? [];
  const body = `${code.replaceAll(IMPORT, '').replaceAll(EXPORT, '')}\nreturn ${result};`;
  const source = `${imports.join('\n')}\nexport default async ({ ${Object.keys(given).join(', ')} }) => {\n${body}\n};`;
  // esbuild takes an import away that is only of types.
  const { code: runnable } = await transform(source, { loader: 'ts', format: 'esm' });
  const path = resolve('.build', `doc-block-${process.pid}.mjs`);
  await writeFile(path, runnable);
  try {
    const { default: run } = (await import(`${pathToFileURL(path).href}?${performance.now()}`)) as { default: Run };
    return await run(given);
  } finally {
    await rm(path);
  }
}

type Run = (given: Given) => Promise<unknown>;
