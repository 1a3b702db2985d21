/** Reads what an audit needs. Only ever reads; what it may not read it names, and goes on. */
import type { V1Pod } from '@kubernetes/client-node';
import type { Configuration } from '../config/schema.ts';
import { UserError } from '../errors.ts';
import { isForbidden, isGone } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { listPages } from '../kube/list.ts';
import { DEFAULT_NAMESPACE, KEY_DOCKER_CONFIG_JSON, TYPE_DOCKER_CONFIG_JSON } from '../names.ts';
import { keyOf } from '../reconcile/world.ts';
import type { Digest, Feed } from '../reconcile/world.ts';
import { readOwnGrants, readSecretGrants } from './controller-rights.ts';
import type { ControllerAccount } from './controller-rights.ts';
import { secretKey } from './observation.ts';
import type { AuditedSource, Observation, PullSecret, StrayCopy, Workload } from './observation.ts';
import type { Known } from './known.ts';
import { createPodTally } from './pods.ts';
import { createContentReader, readPullSecrets } from './pull-secrets.ts';
import type { ContentReader } from './pull-secrets.ts';
import { readWorldWhereAllowed } from './read-world.ts';
import type { ReadWorld } from './read-world.ts';
import { readStrayCopies } from './stray-copies.ts';

export interface ObserveOptions {
  readonly client: KubeClient;
  /** Without one only what needs no source is looked at. */
  readonly configuration?: Configuration | undefined;
  readonly digest: Digest;
  /** Names of namespaces; undefined: all. */
  readonly only?: readonly string[] | undefined;
  /** What the controller runs as. */
  readonly controller?: ControllerAccount | undefined;
  /** What the caller found out by other means, given what was read. */
  readonly known?: ((read: ReadWorld) => Promise<Known | undefined>) | undefined;
  /**
   * The controller's own eyes: what it watches anyway. It reads pods besides, and asks for nothing that it has no right
   * to by design: Secrets that are not its own, and the roles of others.
   */
  readonly watched?: ReadWorld | undefined;
  readonly now?: (() => number) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((step: 'pods' | 'pull secrets', done: number) => void) | undefined;
}

/** Throws ApiError when nothing at all may be read, UserError for a namespace that does not exist. */
export async function observe(options: ObserveOptions): Promise<Observation> {
  const { client, configuration, digest, only, now = Date.now, signal, known, watched, controller = { namespace: DEFAULT_NAMESPACE, name: 'pullpass' } } = options;
  const couldNotSee: string[] = [];
  /** What may not be read becomes a line; everything else is a failure. */
  async function unlessRefused<T>(read: Promise<T>, missed: string): Promise<T | undefined> {
    try {
      return await read;
    } catch (error) {
      if (!isForbidden(error)) throw error;
      couldNotSee.push(`${missed}: ${(error as Error).message}`);
      return undefined;
    }
  }

  const [read, pods, strayCopies, grants] = await Promise.all([
    watched ?? readWorldWhereAllowed({ client, configuration, digest, only, signal }),
    unlessRefused(readPods(options), 'Pods, so nothing is said about images and pulls'),
    configuration === undefined || watched !== undefined ? [] : unlessRefused(readStray(options, configuration), 'Secrets by label, so copies that a renamed or dropped source left are not found'),
    only === undefined ? unlessRefused(watched === undefined ? readSecretGrants(client, controller, signal) : readOwnGrants(client, controller, signal), "RBAC, so nothing is said about the controller's own rights") : undefined,
  ]);
  for (const [feed, why] of read.refused) couldNotSee.unshift(gapLine(feed.resource, why));
  if (watched === undefined && pods === undefined && read.scopes.length === 0) throw new NothingSeenError(couldNotSee);

  const reader = createContentReader(digest);
  const sources = auditSources(read, reader);
  const workloads = pods ?? [];
  return {
    server: client.server, now: now(), configured: configuration !== undefined, ...(only && { only }),
    scopes: read.scopes, sources, workloads, podsSeen: pods !== undefined,
    pullSecrets: await gatherPullSecrets({ ...options, read, sources, workloads, reader, couldNotSee }),
    strayCopies: strayCopies ?? [], ...(grants && { grants }), ...(await known?.(read)), couldNotSee,
  };
}

/** Not one thing could be read. The message names the first refusal. */
export class NothingSeenError extends UserError {
  override name = 'NothingSeenError';
  constructor(couldNotSee: readonly string[]) {
    super(`nothing can be audited with this kubeconfig: ${couldNotSee[0] ?? 'the cluster is empty'}; use --namespace for a namespace that you may read`);
  }
}

async function readPods({ client, only, signal, progress }: ObserveOptions): Promise<Workload[]> {
  const all: Workload[] = [];
  for (const path of only?.map((namespace) => `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`) ?? ['/api/v1/pods']) {
    const tally = createPodTally();
    await listPages(client, { path }, {
      ...(signal && { signal }),
      each: (pod) => tally.add(pod as unknown as V1Pod),
      restart: () => tally.reset(),
      onPage: () => progress?.('pods', tally.pods),
    });
    all.push(...tally.workloads());
  }
  return all;
}

async function readStray({ client, only, signal }: ObserveOptions, { sources, retiredCopyNames }: Configuration): Promise<StrayCopy[]> {
  const known = new Set([...sources.map(({ copyName }) => copyName), ...retiredCopyNames]);
  for (let attempt = 1; ; attempt++) {
    try {
      return await readStrayCopies(client, { known, only, signal });
    } catch (error) {
      // The continue token ran out half-way: from the start.
      if (!isGone(error) || attempt === 3) throw error;
    }
  }
}

function auditSources({ world, book }: ReadWorld, reader: ContentReader): AuditedSource[] {
  return book.observe().map((observed): AuditedSource => {
    const { config } = observed;
    const content = book.content(config.name);
    const { namespace, name } = config.secret;
    const secret = world.secrets.get(keyOf(config.secret))?.get(namespace, name);
    const changed = secret?.writtenAt === undefined ? {} : { changedAt: secret.writtenAt };
    if (content !== undefined) return { config, observed, ...changed, state: 'good', content: reader({ type: TYPE_DOCKER_CONFIG_JSON, data: { [KEY_DOCKER_CONFIG_JSON]: content } }) };
    if (!observed.read) return { config, observed, state: 'unread' };
    return { config, observed, ...changed, state: secret === undefined ? 'missing' : 'invalid' };
  });
}

interface Gather extends ObserveOptions {
  readonly read: ReadWorld;
  readonly sources: readonly AuditedSource[];
  readonly workloads: readonly Workload[];
  readonly reader: ContentReader;
  readonly couldNotSee: string[];
}

/** Copies are known already, by digest; every other Secret that somebody pulls with is read once. */
async function gatherPullSecrets({ client, read: { world, scopes, refused: blind }, sources, workloads, reader, couldNotSee, watched, signal, progress }: Gather): Promise<Map<string, PullSecret>> {
  const listed = new Map(sources.map((source) => [source.config.copyName, source]));
  for (const { id, resource } of blind.keys()) if (resource === 'copies') listed.delete(id.slice('copy/'.length));
  const known = new Map<string, PullSecret>();
  const wanted = new Map<string, { namespace: string; name: string }>();
  const others = new Set<string>();
  const want = (namespace: string, name: string): void => {
    const key = secretKey(namespace, name);
    if (known.has(key) || wanted.has(key)) return;
    const source = listed.get(name);
    const copy = source === undefined ? undefined : world.copies.get(name)?.get(namespace, name);
    if (source !== undefined && copy === undefined) known.set(key, { state: 'missing' });
    else if (source?.content !== undefined && copy?.type === TYPE_DOCKER_CONFIG_JSON && copy.digest === source.observed.digest) known.set(key, { state: 'read', content: source.content });
    // By design the controller may read Secrets of its copy names only: it does not even ask for others.
    else if (watched !== undefined && source === undefined) {
      known.set(key, { state: 'unseen' });
      others.add(namespace);
    } else wanted.set(key, { namespace, name });
  };
  for (const { serviceAccounts } of scopes) for (const account of serviceAccounts) for (const name of account.pullSecrets ?? []) if (name !== '') want(account.namespace, name);
  for (const { namespace, pullSecrets } of workloads) for (const name of pullSecrets) want(namespace, name);

  const { secrets, refused, why } = await readPullSecrets({ client, wanted: wanted.values(), read: reader, signal, onProgress: progress && ((done) => progress('pull secrets', done)) });
  if (refused.size > 0) couldNotSee.push(`Pull Secrets in ${namesOf([...refused].sort())}, so it is unknown what their pods pull with: ${why}`);
  if (others.size > 0) couldNotSee.push(`Pull Secrets that Pullpass does not manage, in ${namesOf([...others].sort())}: the controller has no right to read them; whoever has it sees more with \`pullpass audit\``);
  return new Map([...known, ...secrets]);
}

const GAPS: Readonly<Record<Feed['resource'], string>> = {
  namespaces: 'Namespaces, so nothing is said about who is opted in',
  serviceaccounts: 'ServiceAccounts, so nothing is said about their references',
  copies: 'Copies of a source, so nothing is said about them',
  sources: 'The Secret of a source, so nothing is said about its content and copies',
  proxies: 'A cache proxy, so nothing is said about it',
};

const gapLine = (resource: Feed['resource'], why: string): string => `${GAPS[resource]}: ${why}`;

function namesOf(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ');
  return names.length > 3 ? `${shown} and ${names.length - 3} more namespaces` : `namespace${names.length === 1 ? '' : 's'} ${shown}`;
}

