// Writes buf/validate/validate.proto into the folder that is given as the first argument.
//
// The npm package @bufbuild/protovalidate carries the descriptor of that file but not its text, and buf wants text. What
// the printed text leaves out are the options on the rules themselves (their CEL expressions): the validator has them
// built in, and a contract only needs names, types and numbers.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ScalarType } from '@bufbuild/protobuf';
import { file_buf_validate_validate as validateFile } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';

const PROTO2_MAX_FIELD = 536_870_912;

const target = join(process.argv[2] ?? '.build/proto', 'buf/validate/validate.proto');
mkdirSync(dirname(target), { recursive: true });
writeFileSync(target, printFile(validateFile));

function printFile(file) {
  return [
    'syntax = "proto2";',
    `package ${file.proto.package};`,
    ...file.proto.dependency.map((name) => `import "${name}";`),
    ...file.enums.map(printEnum),
    ...file.messages.map(printMessage),
    ...file.extensions.map((ext) => `extend ${ext.extendee.typeName} {\n${printField(ext)}\n}`),
    '',
  ].join('\n');
}

function printMessage(message) {
  const inOneof = new Set(message.oneofs.flatMap((oneof) => oneof.fields));
  return [
    `message ${message.name} {`,
    ...message.nestedEnums.map(printEnum),
    ...message.nestedMessages.filter((nested) => !nested.proto.options?.mapEntry).map(printMessage),
    ...message.fields.filter((field) => !inOneof.has(field)).map(printField),
    ...message.oneofs.map((oneof) => `oneof ${oneof.name} {\n${oneof.fields.map(printField).join('\n')}\n}`),
    ...message.proto.extensionRange.map(printExtensionRange),
    '}',
  ].join('\n');
}

function printEnum(enumeration) {
  const values = enumeration.values.map((value) => `${value.name} = ${value.number};`);
  return `enum ${enumeration.name} {\n${values.join('\n')}\n}`;
}

function printField(field) {
  return `${label(field)}${fieldType(field)} ${field.name} = ${field.number};`;
}

function label(field) {
  if (field.fieldKind === 'list') return 'repeated ';
  return field.fieldKind === 'map' || field.oneof !== undefined ? '' : 'optional ';
}

function fieldType(field) {
  if (field.fieldKind === 'map') return `map<${ScalarType[field.mapKey].toLowerCase()}, ${valueType(field)}>`;
  return valueType(field);
}

function valueType(field) {
  if (field.message !== undefined) return `.${field.message.typeName}`;
  if (field.enum !== undefined) return `.${field.enum.typeName}`;
  return ScalarType[field.scalar].toLowerCase();
}

function printExtensionRange({ start, end }) {
  return `extensions ${start} to ${end === PROTO2_MAX_FIELD ? 'max' : end - 1};`;
}
