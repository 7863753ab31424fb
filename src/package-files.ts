import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** The descriptor image of all contracts. The path is from dist/src/, where the compiled files are. */
export const DESCRIPTOR_IMAGE = new URL('../../gen/descriptors.binpb', import.meta.url);

/** The folder of the package: of the checkout, where it is one. */
export const PACKAGE_ROOT = fileURLToPath(new URL('../../', import.meta.url));

const PACKAGE_FILE = new URL('../../package.json', import.meta.url);

/** What a package says of itself. */
export interface PackageFile {
  readonly version: string;
  readonly engines: { readonly node: string };
}

/** Reads what this release says of itself. */
export async function readPackage(): Promise<PackageFile> {
  return JSON.parse(await readFile(PACKAGE_FILE, 'utf8')) as PackageFile;
}

/** Reads the version of this release. */
export async function readVersion(): Promise<string> {
  return (await readPackage()).version;
}
