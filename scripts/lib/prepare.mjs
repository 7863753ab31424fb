import { compile } from './compile.mjs';
import { describe } from './describe.mjs';
import { generate } from './generate.mjs';
import { install } from './install.mjs';
import { withLock } from './lock.mjs';

/** Installs, generates and compiles what has changed since the last time; `project` is "server" or "all". */
export async function prepare(project) {
  await takeSteps([install, generate, describe, compile(project)]);
}

/** Installs and generates what has changed since the last time. */
export async function prepareGenerated() {
  await takeSteps([install, generate, describe]);
}

/** Runs the steps that are needed, in their order, while no other process does. Costs next to nothing where none is. */
export async function takeSteps(steps) {
  if (!steps.some((step) => step.isNeeded())) return;
  await withLock(async () => {
    for (const step of steps) {
      if (step.isNeeded()) await step.run();
    }
  });
}
