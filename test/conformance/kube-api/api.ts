/** What a conformance suite works with: an administrator's client, throw-away namespaces, and answers without chance in them. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ApiServer } from '../../integration/env/api-server.ts';
import {
  rawClient,
  type Answer,
  type Identity,
  type RawClient,
  type WatchEvent,
} from '../../integration/env/raw-client.ts';

export const JSON_PATCH = 'application/json-patch+json';
export const MERGE = 'application/merge-patch+json';
export const STRATEGIC = 'application/strategic-merge-patch+json';
export const APPLY = 'application/apply-patch+yaml';

export interface Api extends Disposable {
  readonly server: ApiServer;
  readonly admin: RawClient;
  /** A client with another identity. */
  as(identity: Identity): RawClient;
  /** The client of a ServiceAccount, with a fresh token. */
  asAccount(namespace: string, name: string): Promise<RawClient>;
  /** Skips a test of watches that begin as a list where the server has them switched off, as 1.33 does by itself. */
  needsWatchList(skip: (note: string) => void): Promise<void>;
  /** A new namespace; returns its name. */
  namespace(): Promise<string>;
  /** The same, and waits for its `default` ServiceAccount. */
  namespaceWithAccount(): Promise<string>;
}

/** What makes a watch begin as a list. */
export const WATCH_LIST = '&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
export const NO_WATCH_LIST = 'the feature gate WatchList is off';
export const isWithoutWatchList = ({ code, text }: Answer): boolean =>
  code === 422 && text.includes('forbidden for watch unless the WatchList feature gate is enabled');

export type Suite = (api: () => Api) => void;

export function createApi(server: ApiServer): Api {
  const clients: RawClient[] = [];
  const open = (identity: Identity): RawClient => {
    const client = rawClient(server, identity);
    clients.push(client);
    return client;
  };
  const admin = open(server.admin);
  let asList: Promise<Answer> | undefined;
  const api: Api = {
    server,
    admin,
    as: open,
    async asAccount(namespace, name) {
      const token = /token: (\S+)/.exec(await server.kubeconfigFor({ namespace, name }))?.[1] ?? '';
      return open({ token });
    },
    async needsWatchList(skip) {
      asList ??= admin.call('GET', `${core('default', 'configmaps')}?watch=1&timeoutSeconds=1${WATCH_LIST}`);
      if (isWithoutWatchList(await asList)) skip(NO_WATCH_LIST);
    },
    async namespace() {
      const name = `ns-${randomBytes(4).toString('hex')}`;
      await created(admin.call('POST', '/api/v1/namespaces', { body: { metadata: { name } } }));
      return name;
    },
    async namespaceWithAccount() {
      const name = await api.namespace();
      await until(
        async () => (await admin.call('GET', `/api/v1/namespaces/${name}/serviceaccounts/default`)).code === 200,
      );
      return name;
    },
    [Symbol.dispose]: () => {
      for (const client of clients) client.close();
    },
  };
  return api;
}

/** The answer to a request that sets a test up; anything but success fails the test. */
export async function created(answer: Promise<Answer>): Promise<Answer> {
  const { code, text } = await answer;
  if (code >= 300) throw new Error(`${code}: ${text}`);
  return answer;
}

export async function until(condition: () => Promise<boolean>, milliseconds = 10_000): Promise<void> {
  for (const deadline = Date.now() + milliseconds; Date.now() < deadline; await delay(20))
    if (await condition()) return;
  throw new Error('it did not happen in time');
}

/** How servers before 1.34 word a Status, and how later ones do. Nothing in `src` reads these words. */
const OLDER_WORDS: readonly (readonly [older: string, now: string])[] = [
  ['Invalid value: 0x0: must be specified for an update', 'Invalid value: 0: must be specified for an update'],
  [String.raw`Invalid value: \"null\": exactly one of`, 'Invalid value: null: exactly one of'],
  [
    String.raw`authorization.NonResourceAttributes{Path:\"/report\", Verb:\"get\"}`,
    String.raw`{\"Path\":\"/report\",\"Verb\":\"get\"}`,
  ],
];

/** The JSON of an answer, in the words of later servers: so one suite fits all. */
export function inWordsOfToday(text: string): string {
  return OLDER_WORDS.reduce((all, [older, now]) => all.replaceAll(older, now), text);
}

/** A Status without what differs from run to run, or from build to build: the namespace, uids and files of the server. */
export function refusal(
  { body }: Answer,
  ...volatile: string[]
): { code: number; reason?: string; message: string; details?: unknown } {
  const text = volatile
    .reduce((all, value) => all.replaceAll(value, 'NS'), inWordsOfToday(JSON.stringify(body)))
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'UID')
    .replaceAll(/[^\s"\\]+\.go:\d+/g, 'FILE');
  const { code, reason, message, details } = JSON.parse(text) as {
    code: number;
    reason?: string;
    message: string;
    details?: unknown;
  };
  return { code, ...(reason === undefined ? {} : { reason }), message, ...(details === undefined ? {} : { details }) };
}

/** managedFields as `manager operation: fields`, without times. */
export function owners({ body }: Answer): Record<string, unknown> {
  return Object.fromEntries(
    (body.metadata.managedFields ?? []).map(({ manager, operation, subresource, fieldsV1 }) => [
      `${manager} ${operation}${subresource ? ` ${subresource}` : ''}`,
      fieldsV1,
    ]),
  );
}

/** Reads a watch until it has seen so many events, then hangs up. */
export async function take(
  client: RawClient,
  path: string,
  count: number,
  options: { accept?: string; during?: () => Promise<unknown> } = {},
): Promise<WatchEvent[]> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), 15_000);
  const events: WatchEvent[] = [];
  const during = delay(options.during ? 150 : 0).then(() => options.during?.());
  try {
    for await (const event of client.watch(path, {
      signal: abort.signal,
      ...(options.accept ? { accept: options.accept } : {}),
    })) {
      events.push(event);
      if (events.length === count) break;
    }
    await during;
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
  return events;
}

export function summary(events: readonly WatchEvent[]): string[] {
  return events.map(({ type, object }) => `${type} ${object.metadata.name ?? ''}`.trim());
}

export const core = (namespace: string, resource: string, name = ''): string =>
  `/api/v1/namespaces/${namespace}/${resource}${name === '' ? '' : `/${name}`}`;
export const leases = (namespace: string, name = ''): string =>
  `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases${name === '' ? '' : `/${name}`}`;
export const rbac = (resource: string, name = ''): string =>
  `/apis/rbac.authorization.k8s.io/v1/${resource}${name === '' ? '' : `/${name}`}`;
