#!/usr/bin/env node
// Documents may have a key "__proto__", and it must be a key like any other wherever a message is decoded.
Reflect.deleteProperty(Object.prototype, '__proto__');

const { main } = await import('../dist/src/main.js').catch((err) => {
  if (err.code !== 'ERR_MODULE_NOT_FOUND' || !String(err.message).includes('dist/src/main.js')) throw err;
  process.stderr.write('Keelson is not built yet: run "npm run build", or "npm start", in the checkout first\n');
  process.exit(1);
});
await main(process.argv);
