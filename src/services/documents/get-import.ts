import type { GetImportRequest, Import } from '../../../gen/keelson/documents/v1/document_service.js';
import type { Imports } from '../../repositories/documents/imports.js';
import type { CallContext } from '../../rpc/context.js';
import { toTimestamp } from '../timestamp.js';
import { toProgress } from './import-documents.js';

/** Says how far an import has come. */
export function createGetImport(deps: { imports: Pick<Imports, 'get'> }) {
  return async function getImport(ctx: CallContext, { name }: GetImportRequest): Promise<Import> {
    const found = await deps.imports.get(name.toLowerCase(), ctx);
    const { createTime, updateTime } = found;
    return {
      name: found.name,
      ...toProgress(found),
      createTime: toTimestamp(createTime),
      updateTime: toTimestamp(updateTime),
    };
  };
}
