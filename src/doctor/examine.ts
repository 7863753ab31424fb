import type { Config } from '../config.js';
import { readPackage } from '../package-files.js';
import { checkCertificates } from './check-certificates.js';
import { checkDataDirectory } from './check-data-directory.js';
import { checkDatabase } from './check-database.js';
import { checkPorts } from './check-ports.js';
import { checkRedis } from './check-redis.js';
import { checkVersions } from './check-versions.js';
import type { Finding } from './finding.js';

/** Looks at all that a server with these settings needs, and changes none of it. */
export async function examine(config: Config, now: () => number): Promise<readonly Finding[]> {
  const { version, engines } = await readPackage();
  const findings = await Promise.all([
    checkDataDirectory(config.dataDir),
    checkPorts(config),
    checkCertificates(config.tls, now()),
    checkDatabase(config, now),
    checkRedis(config.redisUrl, now),
  ]);
  return [checkVersions(process.version, engines.node, version), ...findings.flat()];
}
