/**
 * The two things that kube-controller-manager does for namespaces and that nothing does when it is not there:
 * a `default` ServiceAccount in each new one, and emptying and finalizing one that is being deleted.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { RawClient } from './raw-client.ts';

/** Everything namespaced that the tests create; a namespace goes away when it holds none of these. */
const CONTENTS = [
  'api/v1/pods',
  'api/v1/secrets',
  'api/v1/serviceaccounts',
  'api/v1/configmaps',
  'api/v1/events',
  'apis/apps/v1/deployments',
  'apis/coordination.k8s.io/v1/leases',
  'apis/rbac.authorization.k8s.io/v1/roles',
  'apis/rbac.authorization.k8s.io/v1/rolebindings',
] as const;

/** Runs until the signal aborts. A lost watch is opened again. */
export async function runNamespaceLifecycle(client: RawClient, signal: AbortSignal): Promise<void> {
  const terminating = new Map<string, Promise<void>>();
  while (!signal.aborted) {
    try {
      // No resourceVersion: the watch starts with every namespace there is.
      for await (const event of client.watch('/api/v1/namespaces?watch=1', { signal })) {
        if (event.type === 'ERROR') break;
        const { name } = event.object.metadata;
        if (event.type === 'ADDED' && event.object.metadata.deletionTimestamp === undefined)
          await addDefaultAccount(client, name);
        if (
          event.type !== 'DELETED' &&
          event.object.metadata.deletionTimestamp !== undefined &&
          !terminating.has(name)
        ) {
          terminating.set(
            name,
            terminate(client, name, signal).finally(() => terminating.delete(name)),
          );
        }
      }
    } catch {
      // The server is stopping, or not yet up: the loop decides.
    }
    if (!signal.aborted) await delay(50, undefined, { signal }).catch(() => undefined);
  }
  await Promise.allSettled(terminating.values());
}

async function addDefaultAccount(client: RawClient, namespace: string): Promise<void> {
  // 409 when it is there already, 403 when the namespace is on its way out: both are fine.
  await client.call('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, {
    body: { metadata: { name: 'default' } },
  });
}

async function terminate(client: RawClient, namespace: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      if (await empty(client, namespace)) {
        const current = await client.call('GET', `/api/v1/namespaces/${namespace}`);
        if (current.code === 404) return;
        const finalized = { ...current.body, spec: { finalizers: [] } };
        const answer = await client.call('PUT', `/api/v1/namespaces/${namespace}/finalize`, { body: finalized });
        if (answer.code < 300 || answer.code === 404) return;
      }
    } catch {
      // Try again: the loop ends with the signal.
    }
    await delay(50, undefined, { signal }).catch(() => undefined);
  }
}

/** Deletes what the namespace holds; true when nothing is left. */
async function empty(client: RawClient, namespace: string): Promise<boolean> {
  let left = 0;
  for (const resource of CONTENTS) {
    const [group = '', kind = ''] = splitLast(resource);
    const path = `/${group}/namespaces/${namespace}/${kind}`;
    if ((await count(client, path)) === 0) continue;
    await client.call('DELETE', `${path}?gracePeriodSeconds=0`);
    left += await count(client, path);
  }
  return left === 0;
}

async function count(client: RawClient, path: string): Promise<number> {
  const answer = await client.call('GET', path);
  return answer.code === 200 ? answer.body.items.length : 0;
}

function splitLast(resource: string): string[] {
  const at = resource.lastIndexOf('/');
  return [resource.slice(0, at), resource.slice(at + 1)];
}
