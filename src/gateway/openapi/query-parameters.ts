import type { DescField, JsonObject } from '@bufbuild/protobuf';
import { isLeafMessage, isOpaqueMessage } from '../message/field-kinds.js';
import type { Binding } from '../routes/binding.js';
import type { MessageSchemas } from './message-schemas.js';

/** Nested messages are shown so deep; deeper ones work too. */
const DEPTH_MAX = 4;

/** A choice among the fields of a oneof: which oneof, and which of its fields. */
type Choices = Readonly<Record<string, string>>;

/** The way to a message whose fields are parameters. */
interface Way {
  readonly fields: readonly DescField[];
  readonly choices: Choices;
}

/**
 * Gives the parameters of a query: every field that comes neither in the path nor in the body and that a query can hold.
 * The fields of nested messages are parameters of their own (`place.cityName`), and a map is a deep object
 * (`labels[key]=value`). Parameters of one oneof, of which at most one may be given, say so in `x-oneof`.
 */
export function queryParameters(schemas: MessageSchemas, binding: Binding): JsonObject[] {
  if (binding.body.kind === 'all') return [];
  const { body, variables, method } = binding;
  const bound = new Set(variables.map(({ fields }) => pathName(fields)));
  const bodyField = body.kind === 'field' ? body.field : undefined;
  const isFree = (fields: readonly DescField[]) => fields[0] !== bodyField && !bound.has(pathName(fields));
  const isPart = (field: DescField) => field !== bodyField;
  const others = [...variables.map(({ fields }) => fields), ...(bodyField === undefined ? [] : [[bodyField]])];
  const made: Choices = Object.assign({}, ...others.map(choicesOf)) as Choices;
  return below({ fields: [], choices: {} }, method.descriptor.input.fields.filter(isPart), { schemas, isFree, made });
}

interface QueryContext {
  readonly schemas: MessageSchemas;
  readonly isFree: (fields: readonly DescField[]) => boolean;
  /** The choices that the path and the body make. */
  readonly made: Choices;
}

function below(way: Way, fields: readonly DescField[], context: QueryContext): JsonObject[] {
  return fields.flatMap((field) => {
    const here = [...way.fields, field];
    const choices = { ...way.choices, ...choiceOf(here) };
    const isRefused = Object.entries(choices).some(([oneof, name]) => (context.made[oneof] ?? name) !== name);
    if (isRefused) return [];
    if (isInQuery(field)) return context.isFree(here) ? [parameter(here, choices, context)] : [];
    const isNested =
      field.fieldKind === 'message' && !isOpaqueMessage(field.message) && field.message.typeName !== HTTP_BODY;
    const isAgain = here.some((step, index) => index < here.length - 1 && step.message === field.message);
    if (!isNested || isAgain || field.message === here[0]?.parent || here.length >= DEPTH_MAX) return [];
    return below({ fields: here, choices }, field.message.fields, context);
  });
}

const HTTP_BODY = 'google.api.HttpBody';

/** Tells whether a query can hold a field: what is one value, several of them, or values by key. */
function isInQuery({ message }: DescField): boolean {
  return message === undefined || isLeafMessage(message);
}

function choicesOf(fields: readonly DescField[]): Choices {
  return Object.assign({}, ...fields.map((_field, index) => choiceOf(fields.slice(0, index + 1)))) as Choices;
}

function choiceOf(fields: readonly DescField[]): Choices {
  const field = fields.at(-1);
  if (field?.oneof === undefined) return {};
  const parent = pathName(fields.slice(0, -1));
  return { [parent === '' ? field.oneof.name : `${parent}.${field.oneof.name}`]: field.jsonName };
}

function parameter(fields: readonly DescField[], choices: Choices, { schemas }: QueryContext): JsonObject {
  const field = fields.at(-1) as DescField;
  const { description, deprecated, readOnly: _readOnly, ...schema } = schemas.field(field, 'request');
  const isRequired = fields.length === 1 && schemas.isRequired(field);
  return {
    name: pathName(fields),
    in: 'query',
    ...(description === undefined ? {} : { description }),
    ...(isRequired ? { required: true } : {}),
    ...(deprecated === undefined ? {} : { deprecated }),
    ...(field.fieldKind === 'map' ? { style: 'deepObject', explode: true } : {}),
    schema,
    ...(Object.keys(choices).length === 0 ? {} : { 'x-oneof': choices }),
  };
}

function pathName(fields: readonly DescField[]): string {
  return fields.map(({ jsonName }) => jsonName).join('.');
}
