import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

/** The folder of the checkout, whatever folder a script was started in. */
export const root = fileURLToPath(new URL('../../', import.meta.url));

/** The absolute path of a path in the checkout. */
export const inRoot = (...parts) => join(root, ...parts);
