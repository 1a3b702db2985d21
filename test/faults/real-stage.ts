/**
 * A real kube-apiserver and etcd under faults. The judge sees a watch of its own, in the order of revisions, and takes from the
 * server's audit log who made each change.
 */
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findRealApi, startRealApi } from '../integration/env/real-api.ts';
import { rawClient } from '../integration/env/raw-client.ts';
import { parseAgent } from './stage.ts';
import type { Stage } from './stage.ts';
import type { Resource, Seen, Write } from './write.ts';

const COLLECTIONS: readonly (readonly [Resource, string])[] = [
  ['namespaces', '/api/v1/namespaces'],
  ['serviceaccounts', '/api/v1/serviceaccounts'],
  ['secrets', '/api/v1/secrets'],
  ['leases', '/apis/coordination.k8s.io/v1/leases'],
];
const POLICY = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: RequestResponse
    verbs: [create, update, patch, delete, deletecollection]
    resources:
      - { group: "", resources: [namespaces, serviceaccounts, secrets] }
      - { group: coordination.k8s.io, resources: [leases] }
  - level: None
`;
/** The judge's own namespace: a change in it says that all changes before it were seen. */
const BARRIER = 'faults-barrier';

type Live = Seen & { metadata: Seen['metadata'] & { resourceVersion: string; uid: string } };

interface Audited {
  readonly verb: string;
  readonly userAgent?: string;
  readonly user: { readonly username: string };
  readonly stageTimestamp: string;
  readonly objectRef?: { resource?: string; namespace?: string; name?: string };
  readonly responseStatus?: { code?: number };
  readonly responseObject?: { metadata?: { uid?: string; resourceVersion?: string }; details?: { uid?: string } };
}

/** The one line that says why not, where there is no real server. */
export const noRealApi = (): string | undefined => {
  const real = findRealApi();
  return 'missing' in real ? real.missing : undefined;
};

export async function realStage(onWrite: (write: Write) => void): Promise<Stage> {
  const real = findRealApi();
  if (!('found' in real)) throw new Error(real.missing);
  const files = await mkdtemp(path.join(tmpdir(), 'faults-audit-'));
  const auditLog = path.join(files, 'audit.log');
  await writeFile(path.join(files, 'policy.yaml'), POLICY);
  const server = await startRealApi(real.found, {
    flags: [
      `--audit-policy-file=${path.join(files, 'policy.yaml')}`,
      `--audit-log-path=${auditLog}`,
      '--audit-log-mode=blocking-strict',
    ],
  });
  const client = rawClient(server, server.admin);
  const etcdData = path.join(server.directory, 'etcd');
  const backupData = path.join(files, 'backup');

  /** What was seen and not judged yet. */
  let pending: { resource: Resource; type: string; object: Live }[] = [];
  const known = new Map<string, Live>();
  const reached = new Map<Resource, number>();
  let watching = new AbortController();
  let watches: Promise<void>[] = [];
  const idOf = (resource: Resource, { metadata }: Seen): string =>
    `${resource} ${metadata.namespace ?? ''}/${metadata.name}`;

  async function objects(): Promise<(readonly [Resource, Live])[]> {
    const all: (readonly [Resource, Live])[] = [];
    for (const [resource, collection] of COLLECTIONS) {
      const { body } = await again(() => client.call('GET', collection));
      for (const item of body.items) all.push([resource, item]);
    }
    return all;
  }

  /** Starts from what is there now, and follows it. */
  async function follow(): Promise<(readonly [Resource, Live])[]> {
    watching = new AbortController();
    known.clear();
    pending = [];
    const all: (readonly [Resource, Live])[] = [];
    watches = [];
    for (const [resource, collection] of COLLECTIONS) {
      const { body } = await again(() => client.call('GET', collection));
      for (const item of body.items as unknown as Live[]) {
        all.push([resource, item]);
        known.set(idOf(resource, item), item);
      }
      reached.set(resource, Number(body.metadata.resourceVersion));
      watches.push(watch(resource, collection, watching.signal));
    }
    return all;
  }

  async function watch(resource: Resource, collection: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const from = reached.get(resource) ?? 0;
        for await (const { type, object } of client.watch(`${collection}?watch=1&resourceVersion=${from}`, {
          signal,
        })) {
          if (type === 'ERROR') {
            await lookAgain(resource, collection);
            break;
          }
          const live = object as unknown as Live;
          reached.set(resource, Number(live.metadata.resourceVersion));
          pending.push({ resource, type, object: live });
        }
      } catch {
        // The server is down: it goes on where it was.
      }
      await delay(20);
    }
  }

  /** The server no longer keeps what was to come next, as after a compaction: what happened in between is not judged. */
  async function lookAgain(resource: Resource, collection: string): Promise<void> {
    const { body } = await again(() => client.call('GET', collection));
    const items = body.items as unknown as Live[];
    const version = body.metadata.resourceVersion;
    const last = new Map([...known].filter(([id]) => id.startsWith(`${resource} `)));
    for (const { object, type, ...of } of pending) {
      if (of.resource !== resource) continue;
      if (type === 'DELETED') last.delete(idOf(resource, object));
      else last.set(idOf(resource, object), object);
    }
    const gone = new Map(last);
    for (const item of items) {
      const id = idOf(resource, item);
      gone.delete(id);
      if (last.get(id)?.metadata.resourceVersion !== item.metadata.resourceVersion)
        pending.push({ resource, type: 'ADDED', object: item });
    }
    for (const object of gone.values())
      pending.push({
        resource,
        type: 'DELETED',
        object: { ...object, metadata: { ...object.metadata, resourceVersion: version } },
      });
    reached.set(resource, Number(version));
  }

  async function caughtUp(): Promise<void> {
    const marks: readonly (readonly [Resource, string])[] = [
      ['namespaces', `/api/v1/namespaces/${BARRIER}`],
      ['serviceaccounts', `/api/v1/namespaces/${BARRIER}/serviceaccounts/barrier`],
      ['secrets', `/api/v1/namespaces/${BARRIER}/secrets/barrier`],
      ['leases', `/apis/coordination.k8s.io/v1/namespaces/${BARRIER}/leases/barrier`],
    ];
    for (const [resource, at] of marks) {
      const body = { metadata: { annotations: { beat: String(Math.random()) } } };
      const { body: answer } = await again(() =>
        client.call('PATCH', at, { body, type: 'application/merge-patch+json' }),
      );
      const version = Number(answer.metadata.resourceVersion);
      while ((reached.get(resource) ?? 0) < version) await delay(10);
    }
    await feed();
  }

  async function feed(): Promise<void> {
    const events = pending.sort(
      (a, b) => Number(a.object.metadata.resourceVersion) - Number(b.object.metadata.resourceVersion),
    );
    pending = [];
    if (events.length === 0) return;
    const who = await audited();
    for (const { resource, type, object } of events) {
      const id = idOf(resource, object);
      const before = known.get(id);
      const gone = type === 'DELETED';
      const entry =
        who.get(`${id}@${object.metadata.resourceVersion}`) ??
        (gone ? who.get(`${id}#${object.metadata.uid}`) : undefined);
      const at = entry === undefined ? 0 : Date.parse(entry.stageTimestamp);
      const { agent, arrivedAt } = parseAgent(entry?.userAgent ?? '', at);
      if (gone) known.delete(id);
      else known.set(id, object);
      onWrite({
        revision: Number(object.metadata.resourceVersion),
        at,
        arrivedAt,
        by: entry && { user: entry.user.username, agent },
        resource,
        namespace: object.metadata.namespace ?? '',
        name: object.metadata.name,
        before,
        after: gone ? undefined : object,
      });
    }
  }

  let read = 0;
  const log = new Map<string, Audited>();
  /** Who made a change: by the version that it made, or by the UID that it deleted. */
  async function audited(): Promise<Map<string, Audited>> {
    const text = await readFile(auditLog, 'utf8');
    const end = text.lastIndexOf('\n') + 1;
    for (const line of text.slice(read, end).split('\n')) {
      if (line === '') continue;
      const entry = JSON.parse(line) as Audited;
      const { resource = '', namespace = '', name = '' } = entry.objectRef ?? {};
      const { metadata, details } = entry.responseObject ?? {};
      if ((entry.responseStatus?.code ?? 500) >= 300) continue;
      const id = `${resource} ${resource === 'namespaces' ? '' : namespace}/${name}`;
      if (entry.verb === 'delete') log.set(`${id}#${details?.uid ?? metadata?.uid ?? ''}`, entry);
      if (metadata?.resourceVersion !== undefined) log.set(`${id}@${metadata.resourceVersion}`, entry);
    }
    read = end;
    return log;
  }

  async function stopFollowing(): Promise<void> {
    watching.abort();
    await Promise.all(watches);
  }

  const created = { metadata: { name: 'barrier' } };
  await client.call('POST', '/api/v1/namespaces', { body: { metadata: { name: BARRIER } } });
  await again(() => client.call('POST', `/api/v1/namespaces/${BARRIER}/serviceaccounts`, { body: created }));
  await client.call('POST', `/api/v1/namespaces/${BARRIER}/secrets`, { body: created });
  await client.call('POST', `/apis/coordination.k8s.io/v1/namespaces/${BARRIER}/leases`, { body: created });
  await follow();

  return {
    kind: 'kube-apiserver',
    server,
    idleMs: 5_000,
    async backup() {
      await server.kill('etcd');
      await rm(backupData, { recursive: true, force: true });
      await cp(etcdData, backupData, { recursive: true });
      await server.start('etcd');
      await again(() => client.call('GET', '/readyz'));
    },
    async restore() {
      await caughtUp();
      await stopFollowing();
      await server.kill('kube-apiserver');
      await server.kill('etcd');
      await rm(etcdData, { recursive: true, force: true });
      await cp(backupData, etcdData, { recursive: true });
      await server.start('etcd');
      await server.start('kube-apiserver');
      log.clear();
      await audited();
      log.clear();
      return follow();
    },
    async compact() {
      const revision = Math.max(...reached.values());
      await fetch(`${server.etcdUrl}/v3/kv/compaction`, { method: 'POST', body: JSON.stringify({ revision }) });
    },
    async kill(downMs) {
      await server.kill('kube-apiserver');
      await delay(downMs);
      await server.start('kube-apiserver');
    },
    caughtUp,
    objects,
    async stop() {
      await stopFollowing();
      client.close();
      await server.stop();
      await rm(files, { recursive: true, force: true });
    },
  };
}

/** Until the server answers, and well. */
async function again<T extends { code: number }>(call: () => Promise<T>): Promise<T> {
  for (const end = Date.now() + 30_000; ;) {
    const answer = await call().catch(() => undefined);
    if (answer !== undefined && answer.code < 300) return answer;
    if (Date.now() > end) throw new Error(`the server does not answer: ${answer?.code ?? 'no connection'}`);
    await delay(50);
  }
}
