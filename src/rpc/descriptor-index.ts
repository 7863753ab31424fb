import { toBinary, type DescExtension, type DescFile, type FileRegistry } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';

/** Finds descriptor files by what they hold, as server reflection asks for them. */
export interface DescriptorIndex {
  /** The full names of the services that are served. */
  readonly services: readonly string[];
  /** Gives the file's name and the names of all it imports, directly or not; empty when it is not known. */
  withImports(fileName: string): readonly string[];
  /** Encodes a known file as google.protobuf.FileDescriptorProto, comments and options included. */
  fileBytes(fileName: string): Buffer;
  /** Finds the file of a message, enum, extension, service, or of a method, field or value of one. */
  fileOfSymbol(fullName: string): string | undefined;
  fileOfExtension(typeName: string, number: number): string | undefined;
  /** Gives the extension numbers of a message type, or undefined when it is not known. */
  extensionNumbers(typeName: string): number[] | undefined;
}

export function createDescriptorIndex(registry: FileRegistry, services: readonly string[]): DescriptorIndex {
  const files = new Map([...registry.files].map((file) => [file.proto.name, file]));
  const extensions = [...registry].filter((desc): desc is DescExtension => desc.kind === 'extension');
  return {
    services,
    withImports: (fileName) => collectImports(files, fileName),
    fileBytes(fileName) {
      const file = files.get(fileName);
      return file === undefined ? Buffer.alloc(0) : Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto));
    },
    fileOfSymbol: (fullName) => findSymbol(registry, fullName)?.proto.name,
    fileOfExtension(typeName, number) {
      const found = extensions.find((ext) => ext.extendee.typeName === typeName && ext.number === number);
      return found?.file.proto.name;
    },
    extensionNumbers(typeName) {
      if (registry.getMessage(typeName) === undefined) return undefined;
      return extensions.filter((ext) => ext.extendee.typeName === typeName).map((ext) => ext.number);
    },
  };
}

function collectImports(files: ReadonlyMap<string, DescFile>, fileName: string): string[] {
  const seen = new Set<string>();
  const queue = [fileName];
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    const file = files.get(name);
    if (file === undefined || seen.has(name)) continue;
    seen.add(name);
    queue.push(...file.proto.dependency);
  }
  return [...seen];
}

function findSymbol(registry: FileRegistry, fullName: string): DescFile | undefined {
  const found = registry.get(fullName);
  if (found !== undefined) return found.file;
  const parent = registry.get(fullName.slice(0, Math.max(0, fullName.lastIndexOf('.'))));
  const member = fullName.slice(fullName.lastIndexOf('.') + 1);
  switch (parent?.kind) {
    case 'service':
      return parent.methods.some((method) => method.name === member) ? parent.file : undefined;
    case 'message':
      return parent.members.some((child) => child.name === member) ? parent.file : undefined;
    case 'enum':
      return parent.values.some((value) => value.name === member) ? parent.file : undefined;
    default:
      return undefined;
  }
}
