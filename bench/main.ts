// Measures Keelson beside others: `npm run bench -- --case echo --quick`. bench/README.md says what each case shows.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { Bench, FULL, QUICK, type BenchCase, type Effort } from './bench.js';
import { CASES } from './cases/all-cases.js';
import { checkFigures } from './check-figures.js';
import { writeFigures } from './figures.js';
import { describeMachine } from './machine.js';
import type { Result } from './result.js';
import { toTable } from './table.js';

const { values } = parseArgs({
  options: {
    case: { type: 'string', multiple: true },
    json: { type: 'string' },
    quick: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
  },
});

if (values.list) process.stdout.write(CASES.map(({ name, about }) => `${name.padEnd(14)}${about}\n`).join(''));
else if (values.check) process.exitCode = await checkFigures();
else process.exitCode = await runAll(chosenCases(values.case ?? []), values.quick ? QUICK : FULL);

async function runAll(cases: readonly BenchCase[], effort: Effort): Promise<number> {
  const results: Result[] = [];
  const failed: string[] = [];
  process.stdout.write(`On ${describeMachine()}: ${effort.rounds} rounds of ${effort.roundMs} ms\n`);
  for (const one of cases) {
    process.stdout.write(`\n${one.name}: ${one.about}\n`);
    const bench = new Bench(effort);
    try {
      const found = await one.run(bench);
      results.push(...found);
      process.stdout.write(`\n${toTable(found)}\n`);
    } catch (err) {
      failed.push(one.name);
      process.stdout.write(`  failed: ${err instanceof Error ? err.message : String(err)}\n`);
    } finally {
      await bench.close();
    }
  }
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(results, undefined, 2)}\n`);
  if (values.record) await writeFigures(results, describeMachine());
  if (failed.length > 0) process.stdout.write(`\nNot measured: ${failed.join(', ')}\n`);
  return failed.length > 0 ? 1 : 0;
}

function chosenCases(names: readonly string[]): readonly BenchCase[] {
  if (names.length === 0) return CASES;
  return names.map((name) => {
    const found = CASES.find((candidate) => candidate.name === name);
    if (found === undefined) throw new Error(`There is no case "${name}": ${CASES.map((one) => one.name).join(', ')}`);
    return found;
  });
}
