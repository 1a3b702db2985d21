/** Reads what an audit needs, and writes nothing. What may not be read becomes a gap that the report names. */
import { wall } from '../../clock.ts';
import { confirmationOf } from '../../config/confirmation.ts';
import type { Configuration } from '../../config/schema.ts';
import { UserError } from '../../errors.ts';
import { surveyHealing } from '../../healing/survey.ts';
import { isForbidden } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client.ts';
import { DEFAULT_NAMESPACE } from '../../names.ts';
import { keyOf } from '../../observe/feed-ids.ts';
import type { Feed } from '../../observe/world.ts';
import { NOT_LISTED, readAllPullSecrets } from './all-pull-secrets.ts';
import { auditSources, withoutFresh } from './audited-sources.ts';
import { readOwnGrants } from './controller-rights.ts';
import type { ControllerAccount } from './controller-rights.ts';
import { NODES_UNSEEN, observeCrio } from './crio.ts';
import { gatherPullSecrets } from './gather-pull-secrets.ts';
import type { Known } from './known.ts';
import { readLease } from './lease.ts';
import { gapsOfList } from './listed.ts';
import type { AuditedCrio, Observation, StrayCopy, Workload } from './observation.ts';
import { readPods } from './pods.ts';
import { createContentReader } from './secret-facts.ts';
import { readWorldWhereAllowed } from './read-world.ts';
import type { ReadWorld } from './read-world.ts';
import { readRights } from './secret-readers.ts';
import { readTemplates } from './templates.ts';
import { readStrayCopies } from './stray-copies.ts';
import type { Turn } from '../../async/steps.ts';
import { some } from '../../text.ts';

export interface ObserveOptions {
  readonly client: KubeClient;
  /** undefined: only what needs no source is audited. */
  readonly configuration?: Configuration | undefined;
  /** Names of namespaces; undefined: all. */
  readonly only?: readonly string[] | undefined;
  /** The namespaces of `--namespaces`: nothing else of the cluster is asked for; undefined: the whole cluster. */
  readonly listed?: readonly string[] | undefined;
  /** ServiceAccount of the controller. */
  readonly controller?: ControllerAccount | undefined;
  /** Gets the verdicts that the controller saved. */
  readonly known?: ((read: ReadWorld) => Promise<Known | undefined>) | undefined;
  /**
   * What the controller watches, if the controller audits. It then reads only pods in addition, and asks for nothing that it
   * has no right to by design: other Secrets, and roles.
   */
  readonly watched?: ReadWorld | undefined;
  /** Also the pod templates of workloads. */
  readonly templates?: boolean | undefined;
  /** Awaited between the steps of a long computation; absent: it runs in one go. */
  readonly turn?: Turn | undefined;
  readonly now?: (() => number) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((step: 'pods' | 'pull secrets', done: number) => void) | undefined;
}

/** Throws UserError if nothing may be read or a namespace does not exist, and ApiError for any error but a 403. */
export async function observe(options: ObserveOptions): Promise<Observation> {
  const {
    client,
    configuration,
    only,
    listed,
    now = wall,
    signal,
    progress,
    known,
    watched,
    turn,
    controller = { namespace: DEFAULT_NAMESPACE, name: 'pullpass' },
  } = options;
  const couldNotSee: string[] = [];
  /** A 403 becomes a line in `couldNotSee`; any other error is thrown. */
  async function unlessRefused<T>(read: Promise<T>, missed: string): Promise<T | undefined> {
    try {
      return await read;
    } catch (error) {
      if (!isForbidden(error)) throw error;
      couldNotSee.push(`${missed}: ${(error as Error).message}`);
      return undefined;
    }
  }

  /** Only aliases can be for mirrors of CRI-O; and one that no image seems to name may have its pods in other namespaces. */
  async function crioOf({ scopes }: ReadWorld, workloads: readonly Workload[]): Promise<AuditedCrio | undefined> {
    const configs = configuration?.sources ?? [];
    if (only !== undefined || !configs.some(({ aliases }) => aliases.length > 0)) return undefined;
    if (watched !== undefined || listed !== undefined) {
      const why =
        watched === undefined ? 'not asked, because of the list of namespaces' : 'the controller has no right to look';
      couldNotSee.push(`${NODES_UNSEEN}: ${why}`);
      return undefined;
    }
    const found = await unlessRefused(
      observeCrio({ client, sources: configs, scopes, workloads, signal }),
      NODES_UNSEEN,
    );
    couldNotSee.push(...(found?.gaps ?? []));
    return found?.crio;
  }

  const namespaces = only ?? listed;
  const [read, pods, strayCopies, rights, lease, templates] = await Promise.all([
    watched ?? readWorldWhereAllowed({ client, configuration, namespace: controller.namespace, only, listed, signal }),
    readPods({ client, namespaces, signal, onPage: progress && ((done) => progress('pods', done)) }),
    configuration === undefined || watched !== undefined
      ? []
      : unlessRefused(
          readStray({ client, only: namespaces, signal }, configuration, controller.namespace),
          'Secrets by label, so copies that a renamed or dropped source left are not found',
        ),
    only === undefined && (listed === undefined || watched !== undefined)
      ? unlessRefused<Pick<Observation, 'grants' | 'secretReaders'>>(
          watched === undefined ? readRights(client, controller, signal) : readOwnGrants(client, controller, signal),
          "RBAC, so nothing is said about the controller's own rights, and about who may read every Secret",
        )
      : undefined,
    // If the controller itself audits, it is running: no need to read the Lease.
    configuration === undefined || watched !== undefined ? undefined : readLease(client, controller.namespace, signal),
    options.templates === true ? readTemplates({ client, namespaces, signal }) : undefined,
  ]);
  const [noPods] = pods.refused;
  const areNoPodsSeen = pods.refused.size === (namespaces ?? [undefined]).length;
  if (noPods !== undefined) {
    const [where, there] = areNoPodsSeen ? ['', ''] : [` in ${some([...pods.refused.keys()].map(String))}`, ' there'];
    couldNotSee.unshift(`Pods${where}, so nothing is said about images and pulls${there}: ${noPods[1]}`);
  }
  if (templates !== undefined) couldNotSee.push(...templates.refused);
  couldNotSee.unshift(...gapsOfList(read, watched === undefined), ...gapLines(read.refused));
  if (watched === undefined && areNoPodsSeen && read.scopes.length === 0) throw new NothingSeenError(couldNotSee);

  const healing =
    configuration && (await surveyHealing({ client, configuration, snapshot: read, namespaces, now, signal }));
  couldNotSee.push(...(healing?.gaps ?? []));
  const found = await known?.(read);
  couldNotSee.push(...(found?.gaps ?? []));
  const reader = createContentReader(read.world.digest);
  const sources = auditSources(read, reader);
  const { workloads } = pods;
  const all =
    watched === undefined
      ? await unlessRefused(readAllPullSecrets(client, { read: reader, only: namespaces, signal }), NOT_LISTED)
      : undefined;
  if (watched !== undefined)
    couldNotSee.push(
      `${NOT_LISTED}, nor about who may read every Secret: the controller has no right to look; whoever has it ` +
        'sees more with `pullpass audit`',
    );
  if (all !== undefined && all.left > 0)
    couldNotSee.push(`${all.left} pull Secrets that are too large or too many to look into`);
  const crio = await crioOf(read, workloads);
  return {
    server: client.server,
    now: now(),
    configured: configuration !== undefined,
    ...(configuration && { paused: configuration.paused }),
    ...(only && { only }),
    ...(listed && { listed }),
    // The limit of the brake depends on all namespaces: an audit of some cannot judge it.
    ...(configuration && only === undefined && { confirmation: confirmationOf(configuration) }),
    scopes: withoutFresh(read.scopes, sources),
    sources,
    workloads,
    ...(templates && { templates: templates.templates }),
    podsSeen: !areNoPodsSeen && !read.scopes.some(({ namespace }) => pods.refused.has(namespace.name)),
    // A listed namespace whose ServiceAccounts may not be read has no scope.
    accountsSeen: ![...read.refused.keys()].some(
      (feed) => feed.resource === 'serviceaccounts' && feed.listed === undefined,
    ),
    ...(all && { allPullSecrets: all.secrets }),
    pullSecrets: await gatherPullSecrets({
      client,
      read,
      sources,
      workloads: templates === undefined ? workloads : [...workloads, ...templates.templates],
      reader,
      couldNotSee,
      ownOnly: watched !== undefined,
      turn,
      signal,
      onProgress: progress && ((done) => progress('pull secrets', done)),
    }),
    strayCopies: strayCopies ?? [],
    ...rights,
    ...(lease && { lease }),
    ...(crio && { crio }),
    ...knownOf(found),
    ...(healing && { healing: healing.rows }),
    couldNotSee,
  };
}

/** Nothing could be read. The message names the first gap. */
class NothingSeenError extends UserError {
  override name = 'NothingSeenError';
  constructor(couldNotSee: readonly string[]) {
    super(
      `nothing can be audited with this kubeconfig: ${couldNotSee[0] ?? 'the cluster is empty'}; use --namespace for a namespace that you may read`,
    );
  }
}

function readStray(
  { client, only, signal }: Pick<ObserveOptions, 'client' | 'only' | 'signal'>,
  { sources, retiredCopyNames }: Configuration,
  instance: string,
): Promise<StrayCopy[]> {
  const known = new Set([...sources.map(({ copyName }) => copyName), ...retiredCopyNames]);
  return readStrayCopies(client, { known, instance, only, signal });
}

function knownOf(found: Known | undefined): Pick<Observation, 'registries' | 'proxies' | 'heldBack'> {
  if (found === undefined) return {};
  const { gaps: _, ...known } = found;
  return known;
}

const GAPS: Readonly<Record<Feed['resource'], readonly [what: string, consequence: string]>> = {
  namespaces: ['Namespaces', 'nothing is said about who is opted in'],
  serviceaccounts: ['ServiceAccounts', 'nothing is said about their references'],
  copies: ['Copies', 'nothing is said about them'],
  sources: ['Secrets of sources', 'nothing is said about their content and copies'],
  proxies: ['Cache proxies', 'nothing is said about them'],
  pods: ['Pods', 'nothing is said about those that were made too early'],
};

/** One line per resource, in a fixed order, with the server's message for the first refused feed. */
function gapLines(refused: ReadWorld['refused']): string[] {
  const byResource = Map.groupBy(
    [...refused].sort(([a], [b]) => (a.id < b.id ? -1 : 1)),
    ([{ resource }]) => resource,
  );
  return (Object.keys(GAPS) as Feed['resource'][]).flatMap((resource) => {
    const feeds = byResource.get(resource) ?? [];
    const [what, consequence] = GAPS[resource];
    const names = feeds.flatMap(([{ secret }]) => (secret === undefined ? [] : [titleOf(secret)]));
    const which = names.length === 0 ? '' : ` (${some(names, 5)})`;
    return feeds.slice(0, 1).map(([, why]) => `${what}${which}, so ${consequence}: ${why}`);
  });
}

const titleOf = ({ namespace, name }: NonNullable<Feed['secret']>): string =>
  namespace === undefined ? name : keyOf({ namespace, name });
