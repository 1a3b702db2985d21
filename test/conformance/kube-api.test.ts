/**
 * What the project relies on in a Kubernetes API, word by word. It runs on the sandbox always and on a real kube-apiserver
 * where there is one: whatever they disagree about is a bug of the sandbox.
 */
import { afterAll, beforeAll, describe } from 'vitest';
import { onEachServer } from '../integration/env/servers.ts';
import { access } from './kube-api/access.ts';
import { createApi, type Api, type Suite } from './kube-api/api.ts';
import { kinds } from './kube-api/kinds.ts';
import { lists } from './kube-api/lists.ts';
import { objects } from './kube-api/objects.ts';
import { patches } from './kube-api/patches.ts';
import { representations } from './kube-api/representations.ts';
import { serverSideApply } from './kube-api/server-side-apply.ts';
import { watches } from './kube-api/watches.ts';

const suites: { readonly [topic: string]: Suite } = {
  objects,
  patches,
  'server-side apply': serverSideApply,
  lists,
  watches,
  representations,
  kinds,
  access,
};

onEachServer((server) => {
  let api: Api | undefined;
  beforeAll(() => {
    api = createApi(server());
  });
  afterAll(() => api?.[Symbol.dispose]());
  const current = (): Api => {
    if (api === undefined) throw new Error('the server did not start');
    return api;
  };
  for (const [topic, suite] of Object.entries(suites)) describe(topic, () => suite(current));
});
