/** What must be in the cluster once nothing disturbs any more, from its objects alone; written without the controller's planner. */
import { ACCOUNTS, SOURCES } from './schedule.ts';
import type { SourceName } from './schedule.ts';
import type { Resource, Seen } from './write.ts';

export type Objects = readonly (readonly [Resource, Seen])[];
/** Passwords by registry. */
export type Logins = Readonly<Record<string, string>>;

export const copyNameOf = (source: SourceName): string => `${source}-copy`;
export const CONTENT = '.dockerconfigjson';

/** What is not as it must be, one line each. */
export function offIn(objects: Objects, logins: Readonly<Record<SourceName, Logins>>): string[] {
  const of = (resource: Resource): Seen[] => objects.filter(([kind]) => kind === resource).map(([, object]) => object);
  const secrets = new Map(
    of('secrets').map((each) => [`${each.metadata.namespace ?? ''}/${each.metadata.name}`, each]),
  );
  const accounts = Map.groupBy(of('serviceaccounts'), ({ metadata }) => metadata.namespace ?? '');
  const off: string[] = [];
  for (const { metadata: namespace } of of('namespaces')) {
    if (namespace.deletionTimestamp !== undefined || namespace.name === 'pullpass-system') continue;
    const { annotations = {} } = namespace;
    const listed = annotations['pullpass.dev/sources']?.split(',');
    for (const source of SOURCES) {
      const name = copyNameOf(source);
      const where = `${namespace.name}/${name}`;
      const copy = secrets.get(where);
      const isIn =
        annotations['pullpass.dev/sync'] === 'enabled' &&
        !namespace.name.startsWith('kube-') &&
        (listed === undefined || listed.includes(source));
      const ours = copy?.metadata.labels?.['pullpass.dev/source'] !== undefined;
      if (copy !== undefined && !ours && !isAdopted(copy)) continue;
      if (!isIn && ours) off.push(`${where} is still there`);
      if (isIn && !(ours && isDeepEqual(loginsIn(copy), logins[source])))
        off.push(`${where} ${copy === undefined ? 'is missing' : ours ? 'is stale' : 'is not adopted'}`);
      for (const account of accounts.get(namespace.name) ?? []) {
        const has = (account.imagePullSecrets ?? []).some((entry) => entry.name === name);
        const recorded = (account.metadata.annotations?.['pullpass.dev/added-pull-secrets'] ?? '').split(',');
        const wanted = isIn && isChosen(source, account, annotations['pullpass.dev/service-accounts']);
        if (wanted && !has) off.push(`${namespace.name}/${account.metadata.name} lacks ${name}`);
        if (!wanted && has && recorded.includes(name))
          off.push(`${namespace.name}/${account.metadata.name} still names ${name}`);
      }
    }
  }
  return off;
}

/** By the patterns that the schedule uses; `hub` is for `default` only, `corp` for all, as configured. */
function isChosen(source: SourceName, { metadata }: Seen, pattern: string | undefined): boolean {
  const sync = metadata.annotations?.['pullpass.dev/sync'];
  if (sync === 'enabled' || sync === 'disabled') return sync === 'enabled';
  if (!ACCOUNTS.includes(metadata.name)) throw new Error(`unknown ServiceAccount ${metadata.name}`);
  if (pattern === undefined) return source === 'corp' || metadata.name === 'default';
  return pattern === '*' || (pattern === 'default' ? metadata.name === 'default' : metadata.name === 'app-0');
}

/** A type cannot be changed, nor can what is `immutable`: such a Secret of others stays an obstacle. */
const isAdopted = (secret: Seen): boolean =>
  secret.metadata.annotations?.['pullpass.dev/adopt'] === 'true' &&
  secret.type === 'kubernetes.io/dockerconfigjson' &&
  secret.immutable !== true &&
  secret.metadata.deletionTimestamp === undefined;

function loginsIn(copy: Seen | undefined): Logins | undefined {
  try {
    const { auths } = JSON.parse(Buffer.from(copy?.data?.[CONTENT] ?? '', 'base64').toString()) as {
      auths: Record<string, { password: string }>;
    };
    return Object.fromEntries(Object.entries(auths).map(([key, { password }]) => [key, password]));
  } catch {
    return undefined;
  }
}

const isDeepEqual = (a: Logins | undefined, b: Logins): boolean =>
  a !== undefined && JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
