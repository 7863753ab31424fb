import type { Config } from '../config.js';
import { MASTER_KEY_CHECK } from '../repositories/master-key.js';
import { inspectEmbeddedDatabase } from '../store/embedded/inspect-database.js';
import { StoreError } from '../store/errors.js';
import type { InspectedServer, Inspection, MissingIndex } from '../store/inspection.js';
import { inspectMongoDatabase } from '../store/mongo/inspect-database.js';
import { judgeClock } from './check-clock.js';
import { readDeclaredIndexes } from './declared-indexes.js';
import { checkMasterKey } from './check-master-key.js';
import { ok, problem, reasonOf, warning, type Finding } from './finding.js';

const CHECK = 'database';

export type DatabaseSettings = Pick<Config, 'storeUrl' | 'dataDir' | 'masterKey'>;

/** Looks at the database that the settings name: whether it answers, whose it is, and what it lacks. */
export async function checkDatabase(settings: DatabaseSettings, now: () => number): Promise<readonly Finding[]> {
  const { storeUrl, dataDir } = settings;
  const request = { indexes: await readDeclaredIndexes(), document: MASTER_KEY_CHECK, now };
  let inspection: Inspection | undefined;
  try {
    inspection =
      storeUrl === undefined
        ? inspectEmbeddedDatabase(dataDir, request)
        : await inspectMongoDatabase(storeUrl, request);
  } catch (err) {
    return [problem(CHECK, `cannot be used: ${reasonOf(err)}`, todoFor(err, storeUrl))];
  }
  const key = await checkMasterKey(settings, inspection?.document);
  if (inspection === undefined) return [ok(CHECK, 'is not there yet; the first start makes it'), ...key];
  const { server, missingIndexes: missing } = inspection;
  return [
    ...(server === undefined ? [ok(CHECK, 'can be read (embedded engine)')] : judgeServer(server)),
    ...judgeIndexes(missing),
    ...key,
  ];
}

function judgeIndexes(missing: readonly MissingIndex[]): readonly Finding[] {
  if (missing.length === 0) return [ok('indexes', 'none is missing')];
  const todo = 'Start a server again: it builds what is missing. Until then what would use them looks at all there is';
  return missing.map(({ collection, index }) => warning('indexes', `"${index}" of ${collection} is missing`, todo));
}

function judgeServer({ version, aheadMs, isReplicaSet }: InspectedServer): readonly Finding[] {
  const todo =
    'Make it a replica set of three: a server alone loses what only it has, and stops all changes while it is away';
  return [
    isReplicaSet
      ? ok(CHECK, `answers, version ${version}`)
      : warning(CHECK, `is a server alone, version ${version}`, todo),
    ...(aheadMs === undefined ? [] : [judgeClock('database', aheadMs)]),
  ];
}

function todoFor(err: unknown, storeUrl: string | undefined): string {
  if (err instanceof StoreError)
    return 'Set KEELSON_DATA_DIR or KEELSON_STORE_URL to data of this release, or run the release that wrote it';
  return storeUrl === undefined
    ? 'Restore the file from a backup ("keelson restore"), or give it to the user that runs Keelson'
    : 'Start the server, open the way to it, or correct address, user and password in KEELSON_STORE_URL';
}
