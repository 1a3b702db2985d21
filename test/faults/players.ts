/** Tenants, platform and other writers: they do what the schedule says, straight at the API server, and mind no refusal. */
import type { KubeClient } from '../../src/kube/client.ts';
import { paths } from '../../src/kube/paths.ts';
import { dockerConfig } from '../integration/env/cluster.ts';
import { CONTENT, copyNameOf } from './expected.ts';
import type { Logins } from './expected.ts';
import { SOURCES } from './schedule.ts';
import type { Operation, SourceName } from './schedule.ts';
import type { Seen } from './write.ts';

export interface Players {
  /** Resolves to false if the operation is none of theirs. */
  play(operation: Operation): Promise<boolean>;
  /** Every source gets a new content that is good, and nobody holds anything by a finalizer; resolves to those contents. */
  settle(): Promise<Record<SourceName, Logins>>;
}

const MERGE = 'application/merge-patch+json';

export function createPlayers(admin: KubeClient, other: KubeClient, calm: () => boolean): Players {
  let contents = 0;
  const undoing = new Set<Promise<void>>();
  const secret = (namespace: string, source: SourceName): string => paths.secrets(namespace, copyNameOf(source));
  const merge = (path: string, body: object): Promise<unknown> => admin.patch(path, MERGE, body);
  const make = (path: string, kind: string, body: object): Promise<unknown> =>
    admin.create(path, { apiVersion: 'v1', kind, ...body });
  // Refused, or no server there: the schedule goes on, and the calm shows what became of it.
  const mind = (work: Promise<unknown>): Promise<void> =>
    work.then(
      () => undefined,
      () => undefined,
    );

  const good = (): Logins => {
    contents++;
    return { 'a.test': `good-a-${contents}`, 'b.test': `good-b-${contents}` };
  };

  async function setSource(source: SourceName, data: Record<string, string>): Promise<void> {
    const path = paths.secrets('pullpass-system', source);
    try {
      await merge(path, { data });
    } catch {
      await mind(
        make(paths.secrets('pullpass-system'), 'Secret', {
          metadata: { name: source },
          type: 'kubernetes.io/dockerconfigjson',
          data,
        }),
      );
    }
  }

  const badContents: readonly (() => Record<string, string>)[] = [
    () => withUsers({ ...good(), 'a.test': `bad-${contents}` }),
    () => withUsers({ ...good(), 'b.test': '' }),
    () => ({ [CONTENT]: Buffer.from('{"auths":').toString('base64') }),
    () => withUsers({ 'a.test': good()['a.test'] ?? '' }),
  ];
  /** A user name of its own for each content: a refused login locks none of the later ones. */
  const withUsers = (logins: Logins): Record<string, string> =>
    Object.fromEntries(
      Object.entries(dockerConfig(logins)).map(([key, value]) => [
        key,
        Buffer.from(
          Buffer.from(value, 'base64')
            .toString()
            .replaceAll('"username":"robot"', `"username":"robot-${contents}"`)
            .replace(/,"auth":"[^"]*"/g, ''),
        ).toString('base64'),
      ]),
    );

  /** With the version that it read: it takes nothing away that it has not seen. */
  async function editList(
    namespace: string,
    account: string,
    edit: (list: readonly { name?: string }[]) => readonly { name?: string }[],
  ): Promise<void> {
    const path = paths.serviceAccounts(namespace, account);
    const read = await other.get<Seen & { metadata: { resourceVersion?: string } }>(path);
    await other.patch(path, MERGE, {
      metadata: { resourceVersion: read.metadata.resourceVersion },
      imagePullSecrets: edit(read.imagePullSecrets ?? []),
    });
  }

  async function undo(namespace: string, account: string, ms: number): Promise<void> {
    const list = [{ name: 'own-0' }];
    for (const end = performance.now() + ms; performance.now() < end && !calm();) {
      await mind(editList(namespace, account, () => list));
      await new Promise((resolve) => setTimeout(resolve, 4));
    }
  }

  async function play(operation: Operation): Promise<boolean> {
    switch (operation.do) {
      case 'annotate':
        await merge(paths.namespaces(operation.namespace), { metadata: { annotations: operation.annotations } });
        return true;
      case 'annotate account':
        await merge(paths.serviceAccounts(operation.namespace, operation.account), {
          metadata: { annotations: { 'pullpass.dev/sync': operation.sync } },
        });
        return true;
      case 'make account':
        await make(paths.serviceAccounts(operation.namespace), 'ServiceAccount', {
          metadata: { name: operation.account },
        });
        return true;
      case 'delete account':
        await admin.delete(paths.serviceAccounts(operation.namespace, operation.account));
        return true;
      case 'make namespace':
        await make(paths.namespaces(), 'Namespace', {
          metadata: { name: operation.namespace, annotations: { 'pullpass.dev/sync': 'enabled' } },
        });
        return true;
      case 'delete namespace':
        await admin.delete(paths.namespaces(operation.namespace));
        return true;
      case 'add entry':
        await editList(operation.namespace, operation.account, (list) => [...list, { name: operation.entry }]);
        return true;
      case 'remove entry':
        await editList(operation.namespace, operation.account, (list) =>
          list.filter(({ name }) => name !== operation.entry),
        );
        return true;
      case 'only own entries':
        await other.patch(paths.serviceAccounts(operation.namespace, operation.account), MERGE, {
          imagePullSecrets: [{ name: operation.entry }],
        });
        return true;
      case 'undo for ever': {
        const work = undo(operation.namespace, operation.account, operation.ms);
        undoing.add(work);
        void work.finally(() => undoing.delete(work));
        return true;
      }
      case 'forge copy':
        await merge(secret(operation.namespace, operation.source), {
          data: dockerConfig({ 'a.test': 'forged' }),
        });
        return true;
      case 'delete copy':
        await admin.delete(secret(operation.namespace, operation.source));
        return true;
      case 'strip copy':
        await merge(secret(operation.namespace, operation.source), { metadata: { labels: null } });
        return true;
      case 'lock copy':
        await merge(secret(operation.namespace, operation.source), { immutable: true });
        return true;
      case 'hold copy':
        await merge(secret(operation.namespace, operation.source), { metadata: { finalizers: ['test.dev/hold'] } });
        return true;
      case 'foreign Secret':
        await mind(admin.delete(secret(operation.namespace, operation.source)));
        await make(paths.secrets(operation.namespace), 'Secret', {
          metadata: { name: copyNameOf(operation.source) },
          type: operation.namespace.endsWith('3') ? 'Opaque' : 'kubernetes.io/dockerconfigjson',
          data: dockerConfig({ 'foreign.test': 'theirs' }),
        });
        return true;
      case 'adopt':
        await merge(secret(operation.namespace, operation.source), {
          metadata: { annotations: { 'pullpass.dev/adopt': 'true' } },
        });
        return true;
      case 'let go':
        await mind(merge(secret(operation.namespace, operation.source), { metadata: { finalizers: null } }));
        await mind(admin.delete(secret(operation.namespace, operation.source)));
        return true;
      case 'good source':
        await setSource(operation.source, withUsers(good()));
        return true;
      case 'bad source':
        await setSource(operation.source, badContents[contents % badContents.length]?.() ?? {});
        return true;
      case 'empty source':
        await setSource(operation.source, withUsers({}));
        return true;
      case 'no source':
        await admin.delete(paths.secrets('pullpass-system', operation.source));
        return true;
      case 'many namespaces':
        await many(operation.count, (name) =>
          make(paths.namespaces(), 'Namespace', {
            metadata: { name, annotations: { 'pullpass.dev/sync': 'enabled' } },
          }),
        );
        return true;
      case 'many opt out': {
        const copies = await admin.get<{ items: { metadata: { namespace: string } }[] }>(paths.secrets(), {
          query: { labelSelector: 'pullpass.dev/source' },
        });
        const have = new Set(copies.items.map(({ metadata }) => metadata.namespace));
        await many(operation.count, (name) => (have.has(name) ? Promise.resolve() : opt(name, 'disabled')));
        return true;
      }
      case 'no more of them':
        await many(operation.count, (name) => admin.delete(paths.namespaces(name)));
        return true;
      default:
        return false;
    }
  }

  const opt = (name: string, sync: string): Promise<unknown> =>
    admin.patch(paths.namespaces(name), 'application/merge-patch+json', {
      metadata: { annotations: { 'pullpass.dev/sync': sync } },
    });

  async function many(count: number, each: (name: string) => Promise<unknown>): Promise<void> {
    for (let i = 0; i < count; i += 50)
      await Promise.all(Array.from({ length: Math.min(50, count - i) }, (_, j) => mind(each(`many-${i + j}`))));
  }

  return {
    play: (operation) => play(operation).catch(() => true),
    async settle() {
      await Promise.all(undoing);
      const { items } = await admin.get<{ items: Seen[] }>(paths.secrets());
      // A foreign Secret in the place of a canary's copy holds a rollout up for five minutes, by design.
      const names = SOURCES.map(copyNameOf);
      for (const { metadata } of items)
        if (names.includes(metadata.name) && metadata.labels?.['pullpass.dev/source'] === undefined)
          await mind(admin.delete(paths.secrets(metadata.namespace, metadata.name)));
      for (const { metadata } of items)
        if ((metadata.finalizers ?? []).length > 0)
          await mind(merge(paths.secrets(metadata.namespace, metadata.name), { metadata: { finalizers: null } }));
      const logins: Partial<Record<SourceName, Logins>> = {};
      for (const source of SOURCES) {
        const fresh = good();
        logins[source] = fresh;
        await setSource(source, withUsers(fresh));
      }
      return logins as Record<SourceName, Logins>;
    },
  };
}
