/** The descriptor image of all contracts. The path is from dist/src/, where the compiled files are. */
export const DESCRIPTOR_IMAGE = new URL('../../gen/descriptors.binpb', import.meta.url);

/** Knows the version of this release. */
export const PACKAGE_FILE = new URL('../../package.json', import.meta.url);
