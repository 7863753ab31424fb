import type { Area, AreaDeps, OpenArea } from './area.js';
import { openDocuments } from './document-services.js';

/** What is served beside identity, access and audit, which every call rests on. `keelson new service` adds a line. */
const AREAS: readonly OpenArea[] = [openDocuments];

/** Opens all areas, and leaves their closing to the cleanups. */
export async function openAreas(deps: AreaDeps): Promise<Area> {
  const opened: Area[] = [];
  for (const open of AREAS) opened.push(await open(deps));
  return {
    services: opened.flatMap(({ services }) => services),
    resources: opened.flatMap(({ resources }) => resources),
  };
}
