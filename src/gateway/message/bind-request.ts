import {
  create,
  fromJson,
  type DescField,
  type DescMessage,
  type FileRegistry,
  type JsonValue,
  type Message,
} from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import { FieldMaskSchema } from '@bufbuild/protobuf/wkt';
import { invalidRequest, type FieldViolation } from '../../rpc/errors.js';
import type { QueryParameter } from '../http/query.js';
import type { Binding } from '../routes/binding.js';
import { readVariable, type PathSegments } from '../routes/request-target.js';
import { bindQuery } from './bind-query.js';
import { inferMask, parseMask } from './field-mask.js';
import { findJsonViolations, findRoundedIntegers } from './json-violations.js';
import { toLeaf } from './leaf-value.js';
import { createTree, descend, getField, removeField, setField, type RequestTree } from './request-tree.js';

/** A request body that was JSON. */
export interface JsonBody {
  readonly value: JsonValue;
  /** True when parsing has changed an integer in it. */
  readonly hasUnsafeInteger: boolean;
}

/** What came in, taken apart but not yet understood. */
export interface RequestParts {
  readonly segments: PathSegments;
  readonly parameters: readonly QueryParameter[];
  /** Undefined when there was no body, which leaves its fields unset. */
  readonly body: JsonBody | undefined;
}

/**
 * Builds the request message of a call from path, query and body. All three become one JSON value that protobuf-es
 * reads, so that a field means the same wherever it came from. Where the path and the body both set a field, the path
 * wins, as google/api/http.proto has it.
 *
 * Throws a ServiceError that names every field at fault.
 */
export function bindRequest(registry: FileRegistry, binding: Binding, parts: RequestParts): Message {
  const { input } = binding.method.descriptor;
  const tree = createBodyTree(binding, parts.body);
  const violations = [
    ...bindQuery(registry, binding, tree, parts.parameters),
    ...bindPath(binding, tree, parts.segments),
  ];
  const masks = takeMasks(binding, tree, violations);
  inferMissingMask(registry, binding, { body: parts.body, masks, violations });
  if (parts.body?.hasUnsafeInteger === true) violations.push(...findRoundedIntegers(registry, input, tree));
  const message = violations.length === 0 ? decode(registry, input, tree) : undefined;
  if (message === undefined) {
    const found = violations.length > 0 ? violations : findJsonViolations(registry, input, tree);
    throw invalidRequest(
      found.length > 0 ? found : [{ field: '', description: `Request does not make a ${input.typeName}` }],
    );
  }
  for (const [field, paths] of masks) {
    reflect(input, message).set(field, reflect(FieldMaskSchema, create(FieldMaskSchema, { paths })));
  }
  return message;
}

function createBodyTree({ body: target }: Binding, body: JsonBody | undefined): RequestTree {
  const tree = createTree();
  if (body === undefined || target.kind === 'none') return tree;
  if (target.kind === 'field') {
    setField(tree, target.field, body.value);
    return tree;
  }
  const { value } = body;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw invalidRequest([{ field: '', description: 'Body must be a JSON object' }]);
}

/** Puts the path variables into the request, over whatever the body says about their fields. */
function bindPath({ variables }: Binding, tree: RequestTree, segments: PathSegments): FieldViolation[] {
  const violations: FieldViolation[] = [];
  for (const { variable, fields } of variables) {
    const parent = descend(tree, fields.slice(0, -1));
    const leafField = fields.at(-1);
    if (leafField === undefined) continue;
    if (typeof parent === 'number') {
      violations.push({ field: pathOf(fields.slice(0, parent)), description: 'must be a JSON object' });
      continue;
    }
    const leaf = toLeaf(leafField, readVariable(variable, segments));
    if ('mistake' in leaf) violations.push({ field: pathOf(fields), description: leaf.mistake });
    else setField(parent, leafField, leaf.json);
  }
  return violations;
}

function pathOf(fields: readonly DescField[]): string {
  return fields.map((field) => field.name).join('.');
}

type Masks = Map<DescField, string[]>;

/** Takes the masks out of the request: their JSON form cannot hold the paths that lead into free-form fields. */
function takeMasks(binding: Binding, tree: RequestTree, violations: FieldViolation[]): Masks {
  const masks: Masks = new Map();
  for (const field of binding.masks) {
    const text = getField(tree, field);
    if (typeof text !== 'string') continue;
    const paths = parseMask(text, maskTarget(binding, field));
    if (paths === undefined) violations.push({ field: field.name, description: 'holds an empty path' });
    else masks.set(field, paths);
    removeField(tree, field);
  }
  return masks;
}

/** Gives the message whose fields a mask names: the resource in the body, or what a read answers with. */
function maskTarget({ body, httpMethod, method }: Binding, mask: DescField): DescMessage | undefined {
  if (body.kind === 'field') return body.field.message;
  if (httpMethod === 'GET') return method.descriptor.output;
  const others = method.descriptor.input.fields.filter((field) => field.fieldKind === 'message' && field !== mask);
  return others.length === 1 ? others[0]?.message : undefined;
}

interface MaskInference {
  readonly body: JsonBody | undefined;
  readonly masks: Masks;
  readonly violations: FieldViolation[];
}

/** Infers the mask of a PATCH that brings none, where the request has one mask and the resource is the body. */
function inferMissingMask(registry: FileRegistry, binding: Binding, { body, masks, violations }: MaskInference): void {
  const [mask, ...others] = binding.masks;
  if (
    violations.length > 0 ||
    binding.httpMethod !== 'PATCH' ||
    mask === undefined ||
    others.length > 0 ||
    masks.has(mask)
  )
    return;
  if (binding.body.kind !== 'field' || binding.body.field.message === undefined) return;
  const bound = new Set(binding.variables.map(({ fields }) => pathOf(fields.slice(1))));
  const present = inferMask(registry, binding.body.field.message, body?.value ?? {});
  const paths = present.filter((path) => !bound.has(path));
  // A server takes an empty mask for "everything", which a body that holds nothing cannot mean.
  if (paths.length > 0) masks.set(mask, paths);
  else
    violations.push({ field: binding.body.field.name, description: 'holds nothing to change, and there is no mask' });
}

function decode(registry: FileRegistry, input: DescMessage, tree: RequestTree): Message | undefined {
  try {
    return fromJson(input, tree, { registry });
  } catch {
    return undefined;
  }
}
