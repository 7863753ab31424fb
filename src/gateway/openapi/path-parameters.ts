import type { DescField, DescFile, DescMessage, JsonObject, Registry } from '@bufbuild/protobuf';
import type { Binding, BoundVariable } from '../routes/binding.js';
import type { Template } from '../routes/template.js';
import { asObject, asText, fieldRules, resourcePatterns } from './contract-options.js';
import type { MessageSchemas } from './message-schemas.js';
import { validationKeywords } from './validation-keywords.js';

/** A path as OpenAPI writes it, and its parameters in their order. */
export interface OpenApiPath {
  readonly path: string;
  readonly parameters: readonly JsonObject[];
}

/**
 * Turns a template into a path of OpenAPI, whose parameters are single segments: a variable of several segments
 * (`{name=collections/…/documents/…}`) becomes its literals and one parameter for each `*`, so that a generated request
 * is routed. `**` becomes one parameter too: OpenAPI has no word for more segments.
 */
export function openApiPath(registry: Registry, schemas: MessageSchemas, binding: Binding): OpenApiPath {
  const { template, variables } = binding;
  const taken = new Set<string>();
  const parameters: JsonObject[] = [];
  const segments = template.segments.map((segment, index) => {
    if (segment.kind === 'literal') return encodeLiteral(segment.text);
    const bound = variables.find(({ variable }) => covers(variable, index));
    const hint = bound === undefined ? undefined : segmentHint(registry, { template, bound, index });
    const name = unique(taken, nameOf({ bound, hint, index, template }));
    const isRest = segment.kind === 'many';
    parameters.push(parameter(schemas, { name, bound, hint, isRest, template }));
    return `{${name}}`;
  });
  const verb = template.verb === undefined ? '' : `:${encodeLiteral(template.verb)}`;
  return { path: `/${segments.join('/')}${verb}`, parameters };
}

function covers({ start, end }: BoundVariable['variable'], index: number): boolean {
  return index >= start && index < (end ?? Infinity);
}

interface ParameterParts {
  readonly name: string;
  readonly bound: BoundVariable | undefined;
  readonly hint: SegmentHint | undefined;
  readonly isRest: boolean;
  readonly template: Template;
}

function parameter(schemas: MessageSchemas, { name, bound, hint, isRest, template }: ParameterParts): JsonObject {
  const field = bound?.fields.at(-1);
  const isWhole = bound?.variable.isSingleSegment === true;
  // A segment that may be empty cannot be told from a shorter path by most clients.
  const segment = { type: 'string', minLength: 1, ...(hint?.pattern === undefined ? {} : { pattern: hint.pattern }) };
  const { description = '', ...schema } =
    isWhole && field !== undefined ? inPath(schemas.field(field, 'request')) : { ...segment, description: '' };
  const about = isWhole || field === undefined ? asText(description) : partOf(template, bound);
  const more = isRest ? 'May stand for several segments, with `/` between them, or for none.' : '';
  const text = [about, more].filter((part) => part !== '').join('\n\n');
  return { name, in: 'path', required: true, ...(text === '' ? {} : { description: text }), schema };
}

function inPath({ readOnly: _readOnly, ...schema }: JsonObject): JsonObject {
  return schema['type'] === 'string' && schema['minLength'] === undefined ? { ...schema, minLength: 1 } : schema;
}

function partOf(template: Template, bound: BoundVariable | undefined): string {
  if (bound === undefined) return '';
  const { fieldPath, start, end } = bound.variable;
  const pattern = template.segments.slice(start, end).map(segmentText).join('/');
  return `Is a part of \`${fieldPath.join('.')}\`, which is \`${pattern}\`.`;
}

function segmentText(segment: Template['segments'][number]): string {
  if (segment.kind === 'literal') return segment.text;
  return segment.kind === 'one' ? '*' : '**';
}

interface SegmentPlace {
  readonly template: Template;
  readonly bound: BoundVariable;
  readonly index: number;
}

/** What the contract says elsewhere about one segment of a resource name. */
interface SegmentHint {
  readonly name: string | undefined;
  readonly pattern: string | undefined;
}

/** Looks for the name of a segment in the resources' patterns, and for its characters in the rules of the contract. */
function segmentHint(registry: Registry, { template, bound, index }: SegmentPlace): SegmentHint | undefined {
  const { variable, fields } = bound;
  if (variable.isSingleSegment) return undefined;
  const shape = template.segments.slice(variable.start, variable.end).map(segmentText);
  const place = index - variable.start;
  // The fields on the way to the name speak first, from the name back to the request.
  const onTheWay = fields.toReversed();
  const files = [...new Set(onTheWay.map(({ parent }) => parent.file))];
  const rules = [...onTheWay, ...files.flatMap(fieldsOf)];
  const patterns = rules
    .flatMap((field) => namePatterns(registry, field).map(segmentPatterns))
    .filter((parts) => fits(parts, shape, 'whole'));
  const names = files
    .flatMap(messagesOf)
    .flatMap((message) => resourcePatterns(registry, message))
    .map((pattern) => pattern.split('/'))
    .filter((parts) => fits(parts, shape, 'beginning'));
  return { name: /^\{(\w+)\}$/.exec(names[0]?.[place] ?? '')?.[1], pattern: patterns[0]?.[place] };
}

/** Gives the patterns of a field that is a name, and those that a rule has for the name of the resource in a field. */
function namePatterns(registry: Registry, field: DescField): string[] {
  const { pattern } = validationKeywords(registry, field).own;
  const { cel } = fieldRules(registry, field);
  const expressions = Array.isArray(cel) ? cel.map((rule) => asText(asObject(rule)['expression'])) : [];
  const inRules = expressions.map((expression) => /^this\.name\.matches\('([^'\\]*)'\)$/.exec(expression)?.[1] ?? '');
  return [asText(pattern), ...inRules].filter((text) => text !== '');
}

/** Cuts a rule such as `^collections/[a-z]+$` into the patterns of its segments. Empty where it is no such rule. */
function segmentPatterns(pattern: string): string[] {
  const inner = /^\^([^|()]+)\$$/.exec(pattern)?.[1];
  return inner === undefined ? [] : inner.split('/').map((part) => (/^[\w-]+$/.test(part) ? part : `^${part}$`));
}

/** Tells whether a list of segments has the literals of a shape. */
function fits(parts: readonly string[], shape: readonly string[], how: 'whole' | 'beginning'): boolean {
  if (parts.length < shape.length || (how === 'whole' && parts.length > shape.length)) return false;
  return shape.every((text, index) => (text === '*' ? /[{^]/.test(parts[index]?.[0] ?? '') : parts[index] === text));
}

function messagesOf({ messages }: DescFile): DescMessage[] {
  const withNested = (message: DescMessage): DescMessage[] => [
    message,
    ...message.nestedMessages.flatMap((nested) => withNested(nested)),
  ];
  return messages.flatMap((message) => withNested(message));
}

function fieldsOf(file: DescFile): DescField[] {
  return messagesOf(file).flatMap(({ fields }) => fields);
}

interface NamePlace {
  readonly bound: BoundVariable | undefined;
  readonly hint: SegmentHint | undefined;
  readonly index: number;
  readonly template: Template;
}

/** Names a parameter: by its field, by the resource's pattern, or by the literal before it (`shelves/*`: `shelf`). */
function nameOf({ bound, hint, index, template }: NamePlace): string {
  if (bound === undefined) return `segment${index + 1}`;
  const { variable, fields } = bound;
  const fieldName = fields.map(({ jsonName }) => jsonName).join('.');
  if (variable.isSingleSegment) return fieldName;
  if (hint?.name !== undefined) return hint.name;
  const before = index > variable.start ? template.segments[index - 1] : undefined;
  return before?.kind === 'literal' && /^\w+$/.test(before.text) ? singular(before.text) : fieldName;
}

function singular(word: string): string {
  if (word.endsWith('ies')) return `${word.slice(0, -3)}y`;
  return word.endsWith('s') && word.length > 1 ? word.slice(0, -1) : word;
}

function unique(taken: Set<string>, name: string): string {
  let candidate = name;
  for (let count = 2; taken.has(candidate); count += 1) candidate = `${name}${count}`;
  taken.add(candidate);
  return candidate;
}

/** Leaves what RFC 3986 lets stand in a segment; braces would be read as a parameter. */
function encodeLiteral(text: string): string {
  return encodeURIComponent(text).replace(/%(?:3A|40|24|26|2B|2C|3B|3D)/g, decodeURIComponent);
}
