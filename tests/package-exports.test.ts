import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { CallError } from 'keelson/client/call-error';
import { createClient } from 'keelson/client';
import type { Transport } from 'keelson/client/transport';
import { DocumentServiceDefinition } from 'keelson/gen/keelson/documents/v1/document_service.js';

describe('What the package exports', () => {
  it('is enough to call a service with types', async () => {
    const asked: string[] = [];
    const refuse = (path: string): never => {
      asked.push(path);
      throw new CallError({ code: 5, message: 'nothing is here' });
    };
    const transport: Transport = {
      unary: async ({ path }) => refuse(path),
      clientStream: async ({ path }) => refuse(path),
      serverStream: ({ path }) => refuse(path),
      bidiStream: ({ path }) => refuse(path),
      close: () => undefined,
    };
    const documents = createClient(DocumentServiceDefinition, { transport });

    const err = await documents.getDocument({ name: 'n' }).catch((caught: unknown) => caught);

    expect(err).to.be.instanceOf(CallError).and.include({ codeName: 'NOT_FOUND' });
    expect(asked).to.deep.equal(['/keelson.documents.v1.DocumentService/GetDocument']);
  });

  for (const path of ['proto/keelson/documents/v1/document_service.proto', 'gen/descriptors.binpb', 'package.json']) {
    it(`has ${path} for other tools`, () => {
      expect(existsSync(createRequire(import.meta.url).resolve(`keelson/${path}`))).to.equal(true);
    });
  }
});
