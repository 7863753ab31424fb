import type { DescEnum, DescField, DescMessage, DescOneof, JsonObject, Registry } from '@bufbuild/protobuf';
import { commentOf } from './comments.js';
import { behaviorOf, isOneofRequired } from './contract-options.js';
import { validationKeywords } from './validation-keywords.js';
import { enumSchema, mapKeySchema, scalarSchema, wellKnownSchema } from './value-schema.js';

/**
 * What a message is used for. The rules of a contract hold for requests only; an answer leaves out what is at its
 * default; and a change by PATCH may leave out what only a
 * whole resource needs.
 */
export type SchemaUse = 'answer' | 'request' | 'patch';

/** The beginning of every reference to a schema. */
export const SCHEMA_REF = '#/components/schemas/';

/** Gives the name of the schema of a message in some use. */
export function schemaName(typeName: string, use: SchemaUse): string {
  return use === 'answer' ? typeName : `${typeName}-${use}`;
}

/** Collects the schemas of the messages and enums that a document refers to. */
export class MessageSchemas {
  /** All schemas that were referred to, by name. */
  readonly all: Record<string, JsonObject> = {};
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  #named(name: string, make: () => JsonObject): JsonObject {
    if (this.all[name] === undefined) {
      // Stands there before its fields are looked at, for they may lead back to it.
      const schema: JsonObject = {};
      this.all[name] = schema;
      Object.assign(schema, make());
    }
    return { $ref: `${SCHEMA_REF}${name}` };
  }

  /** Gives the schema of a message in some use: a reference, unless it has a JSON form of its own. */
  message(type: DescMessage, use: SchemaUse): JsonObject {
    return (
      wellKnownSchema(type) ?? this.#named(schemaName(type.typeName, use), () => this.object(type, type.fields, use))
    );
  }

  /** Gives the schema of an object with some fields of a message. */
  object(type: DescMessage, fields: readonly DescField[], use: SchemaUse): JsonObject {
    const required = use === 'answer' ? [] : fields.filter((field) => this.#isNeeded(field, use));
    const oneofs = type.oneofs.filter((oneof) => oneof.fields.filter((field) => fields.includes(field)).length > 1);
    const description = commentOf(type);
    return {
      type: 'object',
      ...(description === '' ? {} : { description }),
      properties: Object.fromEntries(fields.map((field) => [field.jsonName, this.field(field, use)])),
      ...(required.length === 0 ? {} : { required: required.map(({ jsonName }) => jsonName) }),
      ...(oneofs.length === 0 ? {} : { dependentSchemas: Object.assign({}, ...oneofs.map(onlyOneOf)) as JsonObject }),
      ...this.#atLeastOne(oneofs, use),
      ...(type.deprecated ? { deprecated: true } : {}),
    };
  }

  #isNeeded(field: DescField, use: SchemaUse): boolean {
    const { isEnforced, isRequired } = validationKeywords(this.#registry, field);
    return use === 'patch' ? isEnforced : isRequired;
  }

  #atLeastOne(oneofs: readonly DescOneof[], use: SchemaUse): JsonObject {
    const wanted = use !== 'answer' ? oneofs.filter((oneof) => isOneofRequired(this.#registry, oneof)) : [];
    if (wanted.length === 0) return {};
    const anyOf = (oneof: DescOneof) => ({ anyOf: oneof.fields.map(({ jsonName }) => ({ required: [jsonName] })) });
    return { allOf: wanted.map(anyOf) };
  }

  /** Gives the schema of a field's value, with its rules and its comment. */
  field(field: DescField, use: SchemaUse): JsonObject {
    const { own, items, keys, notes } = use === 'answer' ? NO_RULES : validationKeywords(this.#registry, field);
    const { isOutputOnly, isInputOnly } = behaviorOf(this.#registry, field);
    const description = [commentOf(field), ...notes].filter((text) => text !== '').join('\n\n');
    return {
      ...this.#shape(field, use, { items, keys }),
      ...own,
      ...(description === '' ? {} : { description }),
      ...(isOutputOnly ? { readOnly: true } : {}),
      ...(isInputOnly ? { writeOnly: true } : {}),
      ...(field.deprecated ? { deprecated: true } : {}),
    };
  }

  #shape(field: DescField, use: SchemaUse, { items, keys }: { items: JsonObject; keys: JsonObject }): JsonObject {
    if (field.fieldKind === 'list') return { type: 'array', items: { ...this.#value(field, use), ...items } };
    if (field.fieldKind !== 'map') return this.#value(field, use);
    const names = { ...mapKeySchema(field.mapKey), ...keys };
    return {
      type: 'object',
      additionalProperties: { ...this.#value(field, use), ...items },
      ...(Object.keys(names).length === 0 ? {} : { propertyNames: names }),
    };
  }

  /** A list in a message that is patched is replaced as a whole, and so its items are whole ones. */
  #value(field: DescField, use: SchemaUse): JsonObject {
    const inner = use === 'patch' && field.fieldKind !== 'message' ? 'request' : use;
    if (field.message !== undefined) return this.message(field.message, inner);
    if (field.enum !== undefined) return this.#enumRef(field.enum);
    return field.scalar === undefined ? {} : scalarSchema(field.scalar);
  }

  #enumRef(type: DescEnum): JsonObject {
    if (type.typeName === 'google.protobuf.NullValue') return enumSchema(type);
    return this.#named(type.typeName, () => enumSchema(type));
  }

  /** Tells whether a request must set a field. */
  isRequired(field: DescField): boolean {
    return validationKeywords(this.#registry, field).isRequired;
  }
}

const NO_RULES = { own: {}, items: {}, keys: {}, notes: [] };

/** Where one field of a oneof is set, the others are not. */
function onlyOneOf({ fields }: DescOneof): JsonObject {
  return Object.fromEntries(
    fields.map((field) => {
      const others = fields.filter((other) => other !== field);
      return [field.jsonName, { properties: Object.fromEntries(others.map(({ jsonName }) => [jsonName, false])) }];
    }),
  );
}
