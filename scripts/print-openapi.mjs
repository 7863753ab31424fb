// Prints the OpenAPI document of all contracts of ours: node scripts/print-openapi.mjs COMPILED IMAGE
// COMPILED is a folder with the compiled src/gateway, src/rpc and gen/keelson.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { filesUnder } from './lib/hash.mjs';
import { inRoot } from './lib/root.mjs';

const [compiled, image] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(inRoot(join(compiled, path))).href);

const { readDescriptorImage } = await load('src/rpc/descriptors.js');
const { createMethodTable } = await load('src/rpc/method-table.js');
const { compileBindings } = await load('src/gateway/routes/binding.js');
const { createOpenApiDocument } = await load('src/gateway/openapi/document.js');

const registry = readDescriptorImage(readFileSync(inRoot(image)));
const services = [];
for (const path of filesUnder(join(compiled, 'gen/keelson')).filter((name) => name.endsWith('.js'))) {
  const module = await load(path.slice(compiled.length + 1));
  for (const definition of Object.values(module).filter(isService)) services.push(withoutHandlers(definition));
}
const table = createMethodTable(registry, services);
const serverInfo = { name: 'keelson', version: JSON.parse(readFileSync(inRoot('package.json'), 'utf8')).version };
const document = createOpenApiDocument({ registry, bindings: compileBindings(table), serverInfo });
process.stdout.write(`${JSON.stringify(document, undefined, 2)}\n`);

function isService(value) {
  return typeof value?.fullName === 'string' && typeof value.methods === 'object';
}

/** A document needs no handlers, but the table that it is read from does. */
function withoutHandlers(definition) {
  const handlers = Object.fromEntries(Object.keys(definition.methods).map((key) => [key, () => undefined]));
  return { definition, handlers, policy: undefined };
}
