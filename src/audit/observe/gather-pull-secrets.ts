/** Collects the pull Secrets of ServiceAccounts and pods. */
import { inTurns, stepwise } from '../../async/steps.ts';
import type { Turn } from '../../async/steps.ts';
import { agree, some } from '../../text.ts';
import type { KubeClient } from '../../kube/client.ts';
import { TYPE_DOCKER_CONFIG_JSON } from '../../names.ts';
import { keyOf } from '../../observe/feed-ids.ts';
import type { AuditedSource, PullSecret, PullSecrets, Workload } from './observation.ts';
import { readPullSecrets } from './secret-facts.ts';
import type { ContentReader } from './secret-facts.ts';
import type { ReadWorld } from './read-world.ts';

/** Limit for the controller: during a rotation every copy may differ from its source, and would be read. */
const MAX_READS = 500;
/** Characters of base64; a login has a few hundred. A tenant can replace a copy by a Secret of any size. */
const LIMIT = { each: 64 * 1024, all: 4 * 1024 * 1024 };

interface GatherOptions {
  readonly client: KubeClient;
  readonly read: ReadWorld;
  readonly sources: readonly AuditedSource[];
  readonly workloads: readonly Pick<Workload, 'namespace' | 'pullSecrets'>[];
  readonly reader: ContentReader;
  /** Gets a line for each gap. */
  readonly couldNotSee: string[];
  /** true for the controller: by design it may read only Secrets with its copy names, so it does not ask for others. */
  readonly ownOnly: boolean;
  readonly turn?: Turn | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number) => void) | undefined;
}

/** A copy with the digest of its source is not read again. Every other pull Secret is read once, if allowed. */
export async function gatherPullSecrets({
  client,
  read: { world, scopes, refused: blind },
  sources,
  workloads,
  reader,
  couldNotSee,
  ownOnly,
  turn,
  signal,
  onProgress,
}: GatherOptions): Promise<PullSecrets> {
  const listed = new Map(sources.map((source) => [source.config.copyName, source]));
  /** Copies in a listed namespace that may not be read. */
  const unseen = new Set<string>();
  for (const { resource, secret } of blind.keys()) {
    if (resource !== 'copies' || secret === undefined) continue;
    if (secret.namespace === undefined) listed.delete(secret.name);
    else unseen.add(keyOf({ namespace: secret.namespace, name: secret.name }));
  }
  const found = new Map<string, Map<string, PullSecret>>();
  const put = (namespace: string, name: string, secret: PullSecret): void => {
    const names = found.get(namespace) ?? new Map<string, PullSecret>();
    found.set(namespace, names.set(name, secret));
  };
  const wanted: { readonly namespace: string; readonly name: string }[] = [];
  const others = new Set<string>();
  let skipped = 0;
  const want = (namespace: string, name: string): void => {
    const source = unseen.has(keyOf({ namespace, name })) ? undefined : listed.get(name);
    if (ownOnly && source === undefined) {
      // Kept per namespace, not per name: tenants can name any number of Secrets.
      others.add(namespace);
      return;
    }
    if (found.get(namespace)?.has(name)) return;
    const copy = source === undefined ? undefined : world.copies.get(name)?.get(namespace, name);
    if (source !== undefined && copy === undefined) return put(namespace, name, { state: 'missing' });
    const content = copy?.digest === undefined ? undefined : source?.contents.get(copy.digest);
    if (content !== undefined && copy?.type === TYPE_DOCKER_CONFIG_JSON)
      return put(namespace, name, { state: 'read', content });
    put(namespace, name, { state: 'unseen' });
    if (ownOnly && wanted.length >= MAX_READS) skipped++;
    else wanted.push({ namespace, name });
  };
  const ofAccounts = stepwise(scopes, 500, ({ serviceAccounts }) => {
    for (const account of serviceAccounts)
      for (const name of account.pullSecrets ?? []) if (name !== '') want(account.namespace, name);
  });
  const ofPods = stepwise(workloads, 2_000, ({ namespace, pullSecrets }) => {
    for (const name of pullSecrets) want(namespace, name);
  });
  await inTurns(ofAccounts, turn);
  await inTurns(ofPods, turn);

  let done = 0;
  const { refused, why, large } = await readPullSecrets({
    client,
    wanted,
    read: reader,
    onRead: (...read) => {
      put(...read);
      onProgress?.(++done);
    },
    limit: ownOnly ? LIMIT : undefined,
    signal,
  });
  if (refused.size > 0)
    couldNotSee.push(
      `Pull Secrets in ${namesOf([...refused].sort())}, so it is unknown what their pods pull with: ${why}`,
    );
  if (others.size > 0)
    couldNotSee.push(
      `Pull Secrets that Pullpass does not manage, in ${namesOf([...others].sort())}: the controller has ` +
        `no right to read them; whoever has it sees more with \`pullpass audit\``,
    );
  if (skipped > 0)
    couldNotSee.push(
      `${skipped} copies that are not as their source is, for there are more than ${MAX_READS} of them: it is unknown what their pods pull with`,
    );
  if (large > 0)
    couldNotSee.push(
      `Copies that are not as their source is, and too large to look into (${large}): it is unknown what their pods pull with`,
    );
  return found;
}

const namesOf = (names: readonly string[]): string =>
  names.length > 3 ? `${some(names)} namespaces` : `${agree(names.length, 'namespace', 'namespaces')} ${some(names)}`;
