import { create, createFileRegistry, fromBinary, toBinary, type FileRegistry } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema, type FileDescriptorProto } from '@bufbuild/protobuf/wkt';

/** Reads a descriptor image (a google.protobuf.FileDescriptorSet with all imports inside). */
export function readDescriptorImage(image: Uint8Array): FileRegistry {
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, image));
}

/** The types that every server's errors may carry, though its contracts name none of them. */
const ERROR_FILES = ['google/rpc/error_details.proto', 'google/rpc/status.proto'];

/** Adds to the image of somebody's contracts the types of error details, from one that has them. */
export function withErrorDetails(image: Uint8Array, ours: Uint8Array): Uint8Array {
  const { file } = fromBinary(FileDescriptorSetSchema, image);
  const known = new Set(file.map(({ name }) => name));
  const added: FileDescriptorProto[] = [];
  const available = new Map(fromBinary(FileDescriptorSetSchema, ours).file.map((other) => [other.name, other]));
  const add = (name: string): void => {
    const found = available.get(name);
    if (found === undefined || known.has(name)) return;
    known.add(name);
    for (const dependency of found.dependency) add(dependency);
    added.push(found);
  };
  for (const name of ERROR_FILES) add(name);
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [...file, ...added] }));
}
