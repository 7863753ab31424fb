// `npm run buf:breaking`: compares the contracts with those of an earlier commit, and fails where a client would break.
//
// The earlier commit is the one that KEELSON_BREAKING_AGAINST names, else origin/main, else main; where its contracts are
// the same as ours, it is the last commit whose contracts were others. A break that is wanted is said in the message of
// the commit that makes it, by a line `Breaks-Contract: why`; then earlier commits no longer count. Needs git history and
// no network.
import './lib/require-node.mjs';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const { prepareGenerated } = await import('./lib/prepare.mjs');
const { inRoot, root } = await import('./lib/root.mjs');
const { Failure, runNode, runScript } = await import('./lib/run.mjs');

const IMAGE = 'gen/descriptors.binpb';
const EARLIER = '.build/earlier.binpb';
const IMAGE_BYTES_MAX = 64 * 1024 * 1024;

// An image does not tell contracts from what they import: other people's files are not ours to keep.
const RULES = { version: 'v2', breaking: { use: ['FILE'], ignore: ['buf', 'google', 'grpc', 'health'] } };

await runScript(async () => {
  await prepareGenerated();
  const earlier = findEarlier(readFileSync(inRoot(IMAGE)));
  if (earlier.accepted !== undefined) {
    console.log(`Not compared with ${earlier.name}: a later commit says "Breaks-Contract: ${earlier.accepted}"`);
    return;
  }
  if (earlier.image === undefined) {
    console.log('Nothing to compare with: the history holds no other contracts');
    return;
  }
  mkdirSync(inRoot('.build'), { recursive: true });
  writeFileSync(inRoot(EARLIER), earlier.image);
  const buf = 'node_modules/@bufbuild/buf/bin/buf';
  const code = await runNode([buf, 'breaking', IMAGE, '--against', EARLIER, '--config', JSON.stringify(RULES)]);
  if (code !== 0) throw new Failure(`The contracts break clients of those in ${earlier.name}, see above`);
  console.log(`The contracts break no client of those in ${earlier.name}`);
});

function findEarlier(current) {
  for (const ref of wantedRefs()) {
    const image = imageAt(ref);
    if (image === undefined) continue;
    if (image.equals(current)) return earlierIn(ref, current);
    return { name: describe(ref), image, accepted: acceptedBreak(`${ref}..HEAD`) };
  }
  return earlierIn('HEAD', current);
}

function wantedRefs() {
  const named = process.env.KEELSON_BREAKING_AGAINST;
  if (!named) return ['origin/main', 'main'];
  if (imageAt(named) === undefined) {
    throw new Failure(`Cannot compare with KEELSON_BREAKING_AGAINST: "${named}" is no commit with a ${IMAGE}`);
  }
  return [named];
}

/** The newest image in the history of a commit that is not the current one. */
function earlierIn(ref, current) {
  for (const commit of lines(git(['log', '--format=%H', ref, '--', IMAGE]))) {
    const image = imageAt(commit);
    if (image === undefined || image.equals(current)) continue;
    return { name: describe(commit), image, accepted: acceptedBreak(`${commit}..${ref}`) };
  }
  return {};
}

/** Why a commit of a range breaks the contracts on purpose, where one says so. */
function acceptedBreak(range) {
  return lines(git(['log', '--format=%(trailers:key=Breaks-Contract,valueonly,separator=%x0A)', range]))[0];
}

function imageAt(ref) {
  return git(['cat-file', 'blob', `${ref}:${IMAGE}`]);
}

function describe(ref) {
  return git(['log', '-1', '--format=%h (%s)', ref])?.toString().trim() ?? ref;
}

function lines(output) {
  return output?.toString().split('\n').filter(Boolean) ?? [];
}

function git(args) {
  const { status, stdout } = spawnSync('git', args, { cwd: root, maxBuffer: IMAGE_BYTES_MAX });
  return status === 0 ? stdout : undefined;
}
