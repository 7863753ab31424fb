// `keelson serve` with the echo service beside its own: the same wiring, the same settings, all stages on.
import { serve } from '../../src/commands/serve.js';
import { createEchoService } from './echo-service.js';

// As bin/keelson.mjs does.
Reflect.deleteProperty(Object.prototype, '__proto__');
await serve({
  contracts: new URL('../../../.build/bench/descriptors.binpb', import.meta.url),
  services: [createEchoService()],
});
