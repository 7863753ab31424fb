// Completes package-lock.json with the optional packages of other platforms. Run it after a change of dependencies.
//
// A native tool comes as one optional package a platform. npm leaves those out of the lock that the registry in use does
// not carry, and then `npm ci` refuses the lock. The added entries have a version and a platform but no integrity, so a
// machine of such a platform installs exactly that version.
import { readFileSync, writeFileSync } from 'node:fs';

const PLATFORMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const CPU_NAMES = { aarch64: 'arm64', armv7: 'arm' };
const CPUS = ['arm', 'arm64', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'x64'];

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
for (const [parent, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const path = `node_modules/${name}`;
    if (parent !== '' && lock.packages[path] === undefined) lock.packages[path] = platformEntry(name, version, entry);
  }
}
const sorted = Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1));
writeFileSync('package-lock.json', `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`);

function platformEntry(name, version, parent) {
  const words = name.split(/[/-]/);
  const os = words.find((word) => PLATFORMS.includes(word));
  const cpu = words.map((word) => CPU_NAMES[word] ?? word).find((word) => CPUS.includes(word));
  const libc = os === 'linux' ? libcOf(words.at(-1)) : undefined;
  if (os === undefined || cpu === undefined) throw new Error(`Cannot tell the platform of "${name}" from its name`);
  return {
    version,
    cpu: [cpu],
    ...(parent.dev ? { dev: true } : {}),
    ...(libc === undefined ? {} : { libc: [libc] }),
    license: parent.license,
    optional: true,
    os: [os],
  };
}

function libcOf(word) {
  if (word.startsWith('musl')) return 'musl';
  return word.startsWith('gnu') ? 'glibc' : undefined;
}
