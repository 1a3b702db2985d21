/** Harbor's proxy-cache projects: pods pull from them what a registry endpoint fetches. */
import * as z from 'zod';
import { UserError } from '../errors.ts';
import type { Api } from './api.ts';

// Harbor omits registry_id for an ordinary project.
const projects = z.array(z.object({ name: z.string(), registry_id: z.number().int().optional() }));

/** Creates the project if there is none; never changes one. @throws UserError if it belongs to another endpoint, or if Harbor does not take it. */
export async function ensureProject(api: Api, name: string, endpoint: { id: number; name: string }): Promise<void> {
  if (await isProject(api, name, endpoint)) return;
  const created = await api({
    method: 'POST',
    path: ['projects'],
    body: { project_name: name, registry_id: endpoint.id },
    to: 'create it',
    expect: [201, 400, 409],
  });
  if (created.status === 400)
    throw new UserError(
      `Harbor project "${name}": could not create it: HTTP 400: correct its name, or create it in Harbor`,
    );
  // It was created meanwhile; or a robot account may not see it, and then only knows that it exists.
  if (created.status === 409) await isProject(api, name, endpoint);
}

/** Whether it is there, as a proxy cache of this endpoint. @throws UserError if it belongs to another one. */
export async function isProject(api: Api, name: string, endpoint: { id: number; name: string }): Promise<boolean> {
  // Lists, because a robot account that reads a missing project gets 403, which proves nothing.
  const answer = await api({
    method: 'GET',
    path: ['projects'],
    query: { q: `name=${name}`, with_detail: 'false', page_size: '100' },
    to: 'look for it',
    expect: [200],
  });
  const found = (answer.read(projects.nullable()) ?? []).find((project) => project.name === name);
  if (found === undefined) return false;
  if (found.registry_id === endpoint.id) return true;
  throw new UserError(
    `Harbor project "${name}" exists and is not a proxy cache of registry endpoint "${endpoint.name}": name another project`,
  );
}
