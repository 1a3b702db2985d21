/** What healing would do now, for `plan` and the audit: the controller's own judgement, without an eviction. */
import type { Configuration } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import { isForbidden } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { heals, projectPendingPod } from '../observe/pending-pods.ts';
import { createRefusals } from '../observe/refusals.ts';
import { listPages } from '../kube/list.ts';
import { paths } from '../kube/paths.ts';
import { judgePods, noteOfEviction, noteOfLeft } from '../plan/healing.ts';
import type { Judged, StuckPod } from '../plan/healing.ts';
import { planNamespace } from '../plan/namespace.ts';
import type { Snapshot } from '../sources/snapshot.ts';
import { whyUnfit } from '../sources/unfit.ts';
import { createCopyReader } from './copies.ts';
import { judgeLive } from './live.ts';
import { createRounds } from './rounds.ts';

/** Pods of one owner that need the reference to one copy. */
export interface HealingRow {
  readonly namespace: string;
  /** The pod itself if it has no owner. */
  readonly owner: { readonly kind: string; readonly name: string };
  readonly source: string;
  readonly pods: number;
  /** Name of one of them. */
  readonly example: string;
  readonly action: 'evict' | 'dry-run' | 'none';
  /** One line about the example. */
  readonly note: string;
}

export interface HealingSurvey {
  readonly rows: readonly HealingRow[];
  /** What could not be seen, one line each. */
  readonly gaps: readonly string[];
}

interface SurveyOptions {
  readonly client: KubeClient;
  readonly configuration: Configuration;
  readonly snapshot: Pick<Snapshot, 'scopes' | 'book' | 'state'>;
  /** The namespaces to look at; undefined: all. */
  readonly namespaces?: readonly string[] | undefined;
  readonly now?: (() => number) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A tenant decides how many there are, and each costs two requests. */
const MOST_OWNERS = 200;

/** Undefined: no source heals. Throws any error of the API server but a 403. */
export async function surveyHealing(options: SurveyOptions): Promise<HealingSurvey | undefined> {
  const { client, configuration, snapshot, signal } = options;
  if (!heals(configuration)) return undefined;
  const gaps: string[] = [];
  const refused = (what: string) => (error: unknown) => {
    if (!isForbidden(error)) throw error;
    gaps.push(`${what}: ${messageOf(error)}`);
    return undefined;
  };
  const stuck = await readStuck(options).catch(refused('Pods that wait, so nothing is said about healing'));
  const judged = judgeAll(options, stuck ?? []);
  const rounds = createRounds(snapshot.state);
  const groups = [...Map.groupBy(judged, ({ pod, copy }) => `${pod.owner?.uid ?? pod.uid} ${copy.copyName}`).values()];
  const rows: HealingRow[] = [];
  for (const [i, group] of groups.entries()) {
    const [first] = group;
    if (first === undefined) continue;
    if (i >= MOST_OWNERS) {
      gaps.push(`Owners of pods that wait beyond the first ${MOST_OWNERS}, so nothing is said about healing those`);
      break;
    }
    const verdict =
      first.to === 'leave'
        ? first
        : rounds.isLater(first)
          ? ({ to: 'leave', reason: 'again' } as const)
          : await judgeLive(client, { ...first, to: 'evict' }, signal).catch(
              refused(`The owner of pod ${first.pod.namespace}/${first.pod.name}, so nothing is said about healing it`),
            );
    if (verdict !== undefined) rows.push(rowOf(first, group.length, verdict));
  }
  return { rows, gaps };
}

function rowOf(judged: Judged, pods: number, verdict: Awaited<ReturnType<typeof judgeLive>>): HealingRow {
  const { pod, copy } = judged;
  const { kind, name } = pod.owner ?? { kind: 'Pod', name: pod.name };
  const row = { namespace: pod.namespace, owner: { kind, name }, source: copy.source, pods, example: pod.name };
  if (verdict.to === 'leave')
    return { ...row, action: 'none', note: noteOfLeft(judged, verdict.reason, verdict.detail) };
  const isDry = copy.mode !== 'evict';
  return { ...row, action: isDry ? 'dry-run' : 'evict', note: noteOfEviction(judged, isDry ? 'dry-run' : 'next') };
}

function judgeAll({ snapshot: { scopes, book, state }, now }: SurveyOptions, stuck: readonly StuckPod[]): Judged[] {
  const refusals = createRefusals(state);
  const copies = createCopyReader({
    book,
    whyUnfit: (source, credential) => whyUnfit(source, credential, { book, refusals, ...(now && { now }) }),
  });
  const scopeOf = new Map(scopes.map((scope) => [scope.namespace.name, scope]));
  return [...Map.groupBy(stuck, ({ namespace }) => namespace)].flatMap(([namespace, pods]) => {
    const scope = scopeOf.get(namespace);
    return scope === undefined ? [] : judgePods(pods, copies(scope, planNamespace(scope)));
  });
}

async function readStuck({ client, namespaces, signal }: SurveyOptions): Promise<StuckPod[]> {
  const all: StuckPod[] = [];
  for (const namespace of namespaces ?? [undefined]) {
    const found: StuckPod[] = [];
    await listPages(
      client,
      { path: paths.pods(namespace), fieldSelector: 'status.phase=Pending' },
      {
        ...(signal && { signal }),
        each: (pod) => found.push(...[projectPendingPod(pod).stuck ?? []].flat()),
        restart: () => void (found.length = 0),
      },
    );
    all.push(...found);
  }
  return all;
}
