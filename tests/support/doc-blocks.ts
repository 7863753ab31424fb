import { readText } from './repository.js';

/** A block of code in a page. */
export interface DocBlock {
  /** `docs/tutorial.md:12`, for messages. */
  readonly where: string;
  /** `sh`; empty where none is given. */
  readonly language: string;
  /** What follows the language: `go`. */
  readonly remark: string;
  /** The file that the line above names as its home. */
  readonly file: string | undefined;
  readonly code: string;
}

const FENCE = /^```(\w*) *(.*)$/;
const FILE = /^`([\w./-]+)`:$/;

/** All blocks of code of a page, in their order. */
export function readDocBlocks(page: string): readonly DocBlock[] {
  const lines = readText(page).split('\n');
  const blocks: DocBlock[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const [, language = '', remark = ''] = FENCE.exec(lines[at] ?? '') ?? [];
    if (!lines[at]?.startsWith('```')) continue;
    const end = lines.indexOf('```', at + 1);
    if (end === -1) throw new Error(`${page}:${at + 1}: this block does not end`);
    const above = lines.slice(0, at).findLast((line) => line !== '');
    const file = FILE.exec(above ?? '')?.[1];
    blocks.push({ where: `${page}:${at + 1}`, language, remark, file, code: lines.slice(at + 1, end).join('\n') });
    at = end;
  }
  return blocks;
}
