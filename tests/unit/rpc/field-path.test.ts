import { create, type DescMessage, type Message } from '@bufbuild/protobuf';
import { AnySchema, FieldMaskSchema, FileDescriptorProtoSchema, TypeSchema, ValueSchema } from '@bufbuild/protobuf/wkt';
import { expect } from 'chai';
import { compileStringField } from '../../../src/rpc/field-path.js';

function read(schema: DescMessage, path: string, message: Message): string | undefined {
  return compileStringField(schema, path)?.(message);
}

describe('compileStringField()', () => {
  it('reads a field of the message, set or not', () => {
    expect(read(AnySchema, 'type_url', create(AnySchema, { typeUrl: 'x/y' }))).to.equal('x/y');
    expect(read(AnySchema, 'type_url', create(AnySchema))).to.equal('');
  });

  it('reads a field that tells whether it is set', () => {
    expect(read(FileDescriptorProtoSchema, 'name', create(FileDescriptorProtoSchema, { name: 'a.proto' }))).to.equal(
      'a.proto',
    );
    expect(read(FileDescriptorProtoSchema, 'name', create(FileDescriptorProtoSchema))).to.equal('');
  });

  it('reads a field of a message below, there or not', () => {
    const message = create(TypeSchema, { sourceContext: { fileName: 'b.proto' } });
    expect(read(TypeSchema, 'source_context.file_name', message)).to.equal('b.proto');
    expect(read(TypeSchema, 'source_context.file_name', create(TypeSchema))).to.equal('');
  });

  it('reads a field of a oneof, chosen or not', () => {
    const text = create(ValueSchema, { kind: { case: 'stringValue', value: 'c' } });
    const number = create(ValueSchema, { kind: { case: 'numberValue', value: 1 } });
    expect(read(ValueSchema, 'string_value', text)).to.equal('c');
    expect(read(ValueSchema, 'string_value', number)).to.equal('');
  });

  it('knows no field that is missing, or no single text', () => {
    expect(compileStringField(AnySchema, 'name')).to.equal(undefined);
    expect(compileStringField(AnySchema, 'value')).to.equal(undefined);
    expect(compileStringField(FieldMaskSchema, 'paths')).to.equal(undefined);
    expect(compileStringField(TypeSchema, 'source_context')).to.equal(undefined);
  });
});
