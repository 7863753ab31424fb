import {
  getExtension,
  hasExtension,
  toJson,
  type DescField,
  type DescMessage,
  type DescMethod,
  type Registry,
} from '@bufbuild/protobuf';

const METHOD = 'keelson.options.v1.method';
const SESSION_TOKEN = 'keelson.options.v1.session_token';
const SENSITIVITY = 'keelson.options.v1.sensitivity';
const FIELD_BEHAVIOR = 'google.api.field_behavior';
/** Words of google.api.FieldBehavior. */
const OUTPUT_ONLY = 3;
const IMMUTABLE = 5;
const RESOURCE = 'google.api.resource';
const RESOURCE_REFERENCE = 'google.api.resource_reference';

/** Why the value of a field must not be seen, as it stands in place of the value. */
export type Sensitivity = 'personal' | 'secret';

/** Words of `keelson.options.v1.Sensitivity` by number. A word that a later release has added counts as the stricter one. */
export function readSensitivity(registry: Registry, { proto }: DescField): Sensitivity | undefined {
  const extension = registry.getExtension(SENSITIVITY);
  if (extension === undefined || proto.options === undefined) return undefined;
  if (!hasExtension(proto.options, extension)) return undefined;
  const value = Number(getExtension(proto.options, extension));
  if (value === 0) return undefined;
  return value === 1 ? 'personal' : 'secret';
}

/** Whether `google.api.field_behavior` says of a field that only the service sets it. */
export function isOutputOnly(registry: Registry, field: DescField): boolean {
  return behavesAs(registry, field, OUTPUT_ONLY);
}

/** Whether it says that a field may be set at the creation, and not changed after it. */
export function isImmutable(registry: Registry, field: DescField): boolean {
  return behavesAs(registry, field, IMMUTABLE);
}

function behavesAs(registry: Registry, { proto }: DescField, behavior: number): boolean {
  const extension = registry.getExtension(FIELD_BEHAVIOR);
  if (extension === undefined || proto.options === undefined) return false;
  const stated: unknown = getExtension(proto.options, extension);
  return Array.isArray(stated) && stated.includes(behavior);
}

/** A resource that a field names: its type, or the type of its children. */
export interface ResourceReference {
  readonly type?: string;
  readonly childType?: string;
}

/** Reads `google.api.resource_reference` of a field. */
export function readResourceReference(registry: Registry, { proto }: DescField): ResourceReference | undefined {
  return readJson<ResourceReference>(registry, RESOURCE_REFERENCE, proto.options);
}

/** Reads the type, the word and the name patterns that `google.api.resource` gives a message. */
export function readResource(
  registry: Registry,
  { proto }: DescMessage,
): { readonly type?: string; readonly singular?: string; readonly pattern?: readonly string[] } | undefined {
  return readJson(registry, RESOURCE, proto.options);
}

/** Reads which token of a session a field holds. */
export function readSessionToken(registry: Registry, { proto }: DescField): 'access' | 'refresh' | undefined {
  const extension = registry.getExtension(SESSION_TOKEN);
  if (extension === undefined || proto.options === undefined) return undefined;
  if (!hasExtension(proto.options, extension)) return undefined;
  const value = Number(getExtension(proto.options, extension));
  if (value === 1) return 'access';
  return value === 2 ? 'refresh' : undefined;
}

/** A standard that gives a method its form over HTTP. */
export type HttpProfile = 'oauth2';

/** Reads `http_profile` of the policy of a method. One that a later release has added counts as none. */
export function readHttpProfile(registry: Registry, { proto }: DescMethod): HttpProfile | undefined {
  const policy = readJson<{ readonly httpProfile?: string }>(registry, METHOD, proto.options);
  return policy?.httpProfile === 'HTTP_PROFILE_OAUTH2' ? 'oauth2' : undefined;
}

/** The registry knows options as descriptors only; their JSON is the typed view of them. */
function readJson<T>(
  registry: Registry,
  name: string,
  options: Parameters<typeof hasExtension>[0] | undefined,
): T | undefined {
  const extension = registry.getExtension(name);
  if (extension?.message === undefined || options === undefined || !hasExtension(options, extension)) return undefined;
  return toJson(extension.message, getExtension(options, extension) as never) as T;
}
