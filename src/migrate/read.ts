/** Reads what a migration needs, and writes nothing. What may not be read becomes a line that says so. */
import type { V1OwnerReference, V1ServiceAccount } from '@kubernetes/client-node';
import { randomBytes } from 'node:crypto';
import { readPods } from '../audit/observe/pods.ts';
import { createContentReader } from '../audit/observe/secret-facts.ts';
import { digestOf } from '../credentials/digest.ts';
import { isForbidden, isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { listPages } from '../kube/list.ts';
import type { ApiObject, Selector } from '../kube/list.ts';
import { paths } from '../kube/paths.ts';
import { TYPE_DOCKER_CONFIG_JSON, TYPE_DOCKERCFG } from '../names.ts';
import { makerOf } from '../observe/pull-secrets.ts';
import type { RawPullSecret } from '../observe/pull-secrets.ts';
import { cut, printable } from '../text.ts';
import { objectOf, stringOf } from './json.ts';
import type { Marks, Seen, SeenSecret, SeenUse, SeenWorkload } from './observed.ts';
import { POLICIES, USES, WORKLOADS } from './kinds.ts';
import { REFLECTOR } from './reflector.ts';
import { REPLICATOR } from './replicator.ts';
import { workloadOf } from './workload.ts';
import type { Templated } from './workload.ts';

/** Tenants can make Secrets of a megabyte: larger ones are not looked into. */
const MAX_CHARACTERS = 256 * 1024;
/** Of one annotation: lists that people write are shorter. */
const MAX_ANNOTATION = 4096;

/** Throws ApiError for any error but a 403, and a 404 of a kind that the API server does not have. */
export async function readCluster(client: KubeClient): Promise<Seen> {
  const unread: string[] = [];
  const absent: string[] = [];
  const key = randomBytes(32);
  const content = createContentReader((text) => digestOf(text, key));

  async function list<T>(
    selector: Selector,
    what: string,
    project: (object: ApiObject) => readonly T[],
  ): Promise<T[] | undefined> {
    let found: T[] = [];
    try {
      await listPages(client, selector, {
        each: (object) => found.push(...project(object)),
        restart: () => (found = []),
      });
      return found;
    } catch (error) {
      if (isNotFound(error)) {
        absent.push(what);
        return [];
      }
      if (!isForbidden(error)) throw error;
      unread.push(`${what} could not be read: ${(error as Error).message}`);
      return undefined;
    }
  }

  const pullSecretsOf = (type: string) =>
    list(
      { path: paths.secrets(), fieldSelector: `type=${type}` },
      `Secrets of type ${type}`,
      (object): SeenSecret[] => {
        const secret = object as RawPullSecret;
        const size = Object.values(secret.data ?? {}).reduce((sum, value) => sum + value.length, 0);
        if (size > MAX_CHARACTERS)
          unread.push(
            `Secret ${object.metadata.namespace}/${object.metadata.name} could not be read: it is too large to look into`,
          );
        const { entries } = size > MAX_CHARACTERS ? { entries: [] } : content({ type: secret.type, data: secret.data });
        const { ownerReferences = [] } = object.metadata as { ownerReferences?: readonly V1OwnerReference[] };
        return [
          {
            ...placeOf(object),
            ...marksOf(object),
            owners: ownerReferences.map(({ kind, name }) => ({ kind, name })),
            logins:
              entries.length === 0
                ? undefined
                : JSON.stringify(entries.map((entry) => [entry.key, entry.login]).sort()),
            isOthers: makerOf(object) !== 'unknown',
          },
        ];
      },
    );

  const namespaces = await list(
    { path: paths.namespaces() },
    'Namespaces',
    ({ metadata: { name, annotations = {}, labels = {} } }) => [
      {
        name,
        annotations: Object.fromEntries(Object.entries(annotations).filter(([, value]) => value.length < 16)),
        labels,
      },
    ],
  );
  const accounts = await list({ path: paths.serviceAccounts() }, 'ServiceAccounts', (object) => [
    {
      ...placeOf(object),
      ...marksOf(object),
      pullSecrets: ((object as ApiObject & Pick<V1ServiceAccount, 'imagePullSecrets'>).imagePullSecrets ?? []).flatMap(
        ({ name }) => name ?? [],
      ),
    },
  ]);
  const json = await pullSecretsOf(TYPE_DOCKER_CONFIG_JSON);
  const legacy = await pullSecretsOf(TYPE_DOCKERCFG);
  const secrets = [...(json ?? []), ...(legacy ?? [])].sort(
    (a, b) => compare(a.namespace, b.namespace) || compare(a.name, b.name),
  );
  const pull = new Set(secrets.map(({ namespace, name }) => `${namespace}/${name}`));
  const secretNames = new Set<string>();
  const marked = await list({ path: paths.secrets(), metadataOnly: true }, 'Secrets', (object): SeenUse[] => {
    if (makerOf(object) !== 'copy') secretNames.add(object.metadata.name);
    return pull.has(`${object.metadata.namespace}/${object.metadata.name}`) ? [] : useOf('Secret', object);
  });
  const uses: (SeenUse[] | undefined)[] = [marked];
  for (const { kind, version, resource } of USES)
    uses.push(
      await list({ path: paths.object(version, undefined, resource), metadataOnly: true }, `${kind}s`, (object) =>
        useOf(kind, object),
      ),
    );
  const workloads: SeenWorkload[] = [];
  for (const { kind, group, resource } of WORKLOADS)
    workloads.push(
      ...((await list({ path: paths.object(group, undefined, resource) }, `${kind}s`, (object) =>
        workloadOf(kind, object as unknown as Templated),
      )) ?? []),
    );
  const pods = await readPods({ client, namespaces: undefined });
  for (const why of pods.refused.values()) unread.push(`Pods could not be read: ${why}`);
  const policies: Seen['policies'][number][] = [];
  for (const { kind, resource, versions } of POLICIES) policies.push(...(await readPolicies(kind, resource, versions)));
  const clusterPullSecrets = await list(
    { path: paths.object('ops.alexellis.io/v1', undefined, 'clusterpullsecrets') },
    'ClusterPullSecrets',
    (object) => {
      const ref = objectOf(objectOf((object as { spec?: unknown }).spec)['secretRef']);
      const [namespace, name] = [stringOf(ref['namespace']), stringOf(ref['name'])];
      return [
        {
          name: object.metadata.name,
          secret: namespace === undefined || name === undefined ? undefined : { namespace, name },
        },
      ];
    },
  );
  return {
    namespaces: namespaces ?? [],
    accounts: accounts ?? [],
    secrets,
    uses: uses.flatMap((each) => each ?? []),
    workloads,
    pods: pods.workloads.filter(({ isStatic }) => !isStatic),
    policies,
    clusterPullSecrets: clusterPullSecrets ?? [],
    secretNames,
    unread,
    absent,
    usesSeen: uses.every((each) => each !== undefined),
  };

  /** Of the newest version that the server has. */
  async function readPolicies(kind: string, resource: string, versions: readonly string[]): Promise<Seen['policies']> {
    for (const version of versions) {
      const before = absent.length;
      const found = await list({ path: paths.object(version, undefined, resource) }, `${kind} of Kyverno`, (object) => [
        {
          kind,
          resource: `${resource}.${version.split('/')[0] ?? ''}`,
          namespace: object.metadata.namespace,
          name: object.metadata.name,
          spec: (object as { spec?: unknown }).spec,
        },
      ]);
      if (absent.length === before) return found ?? [];
      if (version !== versions.at(-1)) absent.length = before;
    }
    return [];
  }
}

const placeOf = ({ metadata: { namespace = '', name } }: ApiObject) => ({ namespace, name });

const MARKS = /^app\.kubernetes\.io\/managed-by$|^generate\.kyverno\.io\//;
const isMark = (key: string): boolean => key.startsWith(REFLECTOR) || key.startsWith(REPLICATOR) || MARKS.test(key);

/** Half of a list may say more than all of it: what is too long ends so that no reader takes it. */
const whole = (value: string): string => (value.length > MAX_ANNOTATION ? `${cut(value, MAX_ANNOTATION)}…` : value);

function marksOf({ metadata: { annotations = {}, labels = {} } }: ApiObject): Marks {
  const kept = (all: Record<string, string>) =>
    Object.fromEntries(
      Object.entries(all).flatMap(([name, value]) => (isMark(name) ? [[name, printable(whole(value))] as const] : [])),
    );
  return { annotations: kept(annotations), labels: kept(labels) };
}

function useOf(kind: string, object: ApiObject): SeenUse[] {
  const { annotations } = marksOf(object);
  return Object.keys(annotations).some((key) => key.startsWith(REFLECTOR) || key.startsWith(REPLICATOR))
    ? [{ kind, ...placeOf(object), annotations }]
    : [];
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
