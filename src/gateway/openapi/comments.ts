import type {
  DescEnum,
  DescEnumValue,
  DescField,
  DescFile,
  DescMessage,
  DescMethod,
  DescService,
} from '@bufbuild/protobuf';

/** Field numbers of google.protobuf.FileDescriptorProto and what is in it, of which the path of a comment is made. */
const FILE = { message: 4, enum: 5, service: 6 } as const;
const MESSAGE = { field: 2, message: 3, enum: 4 } as const;
const ENUM_VALUE = 2;
const METHOD = 2;

type Commented = DescEnum | DescEnumValue | DescField | DescMessage | DescMethod | DescService;

/** Gives the comment that a contract has before an element. Empty where the descriptors came without comments. */
export function commentOf(element: Commented): string {
  return commentsOf(fileOf(element)).get(pathOf(element).join('.')) ?? '';
}

const COMMENTS = new WeakMap<DescFile, ReadonlyMap<string, string>>();

function commentsOf(file: DescFile): ReadonlyMap<string, string> {
  const known = COMMENTS.get(file);
  if (known !== undefined) return known;
  const comments = new Map<string, string>();
  for (const { path, leadingComments } of file.proto.sourceCodeInfo?.location ?? []) {
    if (leadingComments !== '') comments.set(path.join('.'), leadingComments.replace(/^ /gm, '').trim());
  }
  COMMENTS.set(file, comments);
  return comments;
}

function fileOf(element: Commented): DescFile {
  return 'file' in element ? element.file : element.parent.file;
}

function pathOf(element: Commented): number[] {
  switch (element.kind) {
    case 'message': {
      const { parent, file, proto } = element;
      if (parent === undefined) return [FILE.message, file.proto.messageType.indexOf(proto)];
      return [...pathOf(parent), MESSAGE.message, parent.proto.nestedType.indexOf(proto)];
    }
    case 'enum': {
      const { parent, file, proto } = element;
      if (parent === undefined) return [FILE.enum, file.proto.enumType.indexOf(proto)];
      return [...pathOf(parent), MESSAGE.enum, parent.proto.enumType.indexOf(proto)];
    }
    case 'field':
      return [...pathOf(element.parent), MESSAGE.field, element.parent.proto.field.indexOf(element.proto)];
    case 'enum_value':
      return [...pathOf(element.parent), ENUM_VALUE, element.parent.proto.value.indexOf(element.proto)];
    case 'service':
      return [FILE.service, element.file.proto.service.indexOf(element.proto)];
    case 'rpc':
      return [...pathOf(element.parent), METHOD, element.parent.proto.method.indexOf(element.proto)];
  }
}
