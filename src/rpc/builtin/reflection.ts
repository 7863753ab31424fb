import { ServerReflectionDefinition as V1 } from '../../../gen/grpc/reflection/v1/reflection.js';
import type { ServerReflectionRequest, ServerReflectionResponse } from '../../../gen/grpc/reflection/v1/reflection.js';
import { ServerReflectionDefinition as V1Alpha } from '../../../gen/grpc/reflection/v1alpha/reflection.js';
import { Code } from '../codes.js';
import type { CallContext } from '../context.js';
import type { DescriptorIndex } from '../descriptor-index.js';
import type { Policy } from '../policy.js';
import { implementService, type ServiceImplementation } from '../service.js';

type Query = NonNullable<ServerReflectionRequest['messageRequest']>;
type Answer = NonNullable<ServerReflectionResponse['messageResponse']>;

/**
 * Serves reflection v1 and v1alpha, which differ in name only, from the descriptors with their comments. The contracts
 * come from the npm package @grpc/reflection; its own server is not used, for it would go around the call path.
 */
export function createReflectionServices(index: DescriptorIndex, policy: Policy): readonly ServiceImplementation[] {
  async function* serverReflectionInfo(
    _ctx: CallContext,
    requests: AsyncIterable<ServerReflectionRequest>,
  ): AsyncGenerator<ServerReflectionResponse> {
    const sent = new Set<string>();
    for await (const request of requests) {
      const messageResponse = answer(index, sent, request.messageRequest);
      yield { validHost: request.host, originalRequest: request, messageResponse };
    }
  }
  return [
    implementService(V1, { serverReflectionInfo }, { policy }),
    implementService(V1Alpha, { serverReflectionInfo }, { policy }),
  ];
}

/** `sent` names the files that this stream has had: imports are sent along once, so that a client need not ask for each. */
function answer(index: DescriptorIndex, sent: Set<string>, query: Query | undefined): Answer {
  switch (query?.$case) {
    case 'listServices':
      return { $case: 'listServicesResponse', value: { service: index.services.map((name) => ({ name })) } };
    case 'fileByFilename':
      return fileAnswer(index, sent, query.value);
    case 'fileContainingSymbol':
      return fileAnswer(index, sent, index.fileOfSymbol(query.value));
    case 'fileContainingExtension':
      return fileAnswer(index, sent, index.fileOfExtension(query.value.containingType, query.value.extensionNumber));
    case 'allExtensionNumbersOfType':
      return extensionsAnswer(index, query.value);
    case undefined:
      return { $case: 'errorResponse', value: { errorCode: Code.INVALID_ARGUMENT, errorMessage: 'Request is empty' } };
  }
}

function fileAnswer(index: DescriptorIndex, sent: Set<string>, fileName: string | undefined): Answer {
  const names = fileName === undefined ? [] : index.withImports(fileName);
  const [asked, ...imports] = names;
  if (asked === undefined) return notFound();
  const files = [asked, ...imports.filter((name) => !sent.has(name))];
  for (const name of files) sent.add(name);
  const fileDescriptorProto = files.map((name) => index.fileBytes(name));
  return { $case: 'fileDescriptorResponse', value: { fileDescriptorProto } };
}

function extensionsAnswer(index: DescriptorIndex, baseTypeName: string): Answer {
  const extensionNumber = index.extensionNumbers(baseTypeName);
  if (extensionNumber === undefined) return notFound();
  return { $case: 'allExtensionNumbersResponse', value: { baseTypeName, extensionNumber } };
}

function notFound(): Answer {
  return { $case: 'errorResponse', value: { errorCode: Code.NOT_FOUND, errorMessage: 'Not found' } };
}
