const KIB = 1024;
const MIB = 1024 * KIB;

/** Documents that one commit writes or checks. */
export const COMMIT_DOCUMENTS_MAX = 500;

/** All writes of one commit together, their ids included, as JSON in UTF-8. */
export const COMMIT_BYTES_MAX = 4 * MIB;

/**
 * One value, as JSON in UTF-8: 1 MiB of content, and what a repository keeps beside it. As BSON, where an array of small
 * numbers takes seven times the room, it is under 16 MiB.
 */
export const VALUE_BYTES_MAX = 1 * MIB + 4 * KIB;

/** Objects and arrays inside each other in one value. Servers that store BSON stop at 100. */
export const VALUE_DEPTH_MAX = 64;

/** One id, in UTF-8. */
export const ID_BYTES_MAX = 1 * KIB;

/** Each of the texts that name a request, in UTF-8. */
export const REQUEST_TEXT_BYTES_MAX = 1 * KIB;

/** Commits that share one entry. */
export const ENTRY_COMMITS_MAX = 512;

/** Writes of all commits that share one entry; a single commit may be as large as this too. */
export const ENTRY_BYTES_MAX = COMMIT_BYTES_MAX;

/** Documents that all commits which share one entry write or check; a single commit has fewer. */
export const ENTRY_DOCUMENTS_MAX = 2_000;

/** Commits that wait for their turn in one process, beyond which new ones are refused. */
export const QUEUE_COMMITS_MAX = 10_000;

/** Writes of the commits that wait for their turn in one process. */
export const QUEUE_BYTES_MAX = 64 * MIB;

/** Ids of one read. */
export const GET_IDS_MAX = 1_000;

/** Documents of one scan: the largest page that services give, and one to see whether there is more. */
export const SCAN_LIMIT_MAX = 1_001;

/** Times that a read starts again because it met a commit half applied. */
export const READ_ATTEMPTS_MAX = 20;

/** Times that `transact` calls `decide` before it gives up. */
export const TRANSACT_ATTEMPTS_MAX = 100;

/** Entries that are asked for at once. */
export const ENTRIES_PER_READ = 32;

/** Commits that stay in memory for followers and catch up with no query. */
export const RECENT_COMMITS_MAX = 4_096;

/** Bodies of the entries that stay in memory, in characters. */
export const RECENT_BYTES_MAX = 16 * MIB;
