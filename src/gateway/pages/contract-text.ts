import type { DescMethod } from '@bufbuild/protobuf';
import type { Access } from '../../rpc/policy.js';

/** Field numbers on the way to a method in google.protobuf.FileDescriptorProto. */
const SERVICE_FIELD = 6;
const METHOD_FIELD = 2;

/** Gives the comment that a contract has before a method. Empty where the descriptors came without comments. */
export function methodComment({ parent, name }: DescMethod): string {
  const serviceIndex = parent.file.services.indexOf(parent);
  const methodIndex = parent.methods.findIndex((method) => method.name === name);
  const path = [SERVICE_FIELD, serviceIndex, METHOD_FIELD, methodIndex].join('.');
  const locations = parent.file.proto.sourceCodeInfo?.location ?? [];
  const comment = locations.find((location) => location.path.join('.') === path)?.leadingComments ?? '';
  return comment.replace(/^ /gm, '').trim();
}

/** Says in words who may call a method. */
export function accessText(access: Access): string {
  switch (access.kind) {
    case 'public':
      return 'anyone';
    case 'authenticated':
      return 'anyone with a token';
    case 'permission':
      return `holders of ${access.name} on the resource in "${access.resource}"`;
  }
}
