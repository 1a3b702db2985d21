/** Rules on pods without the pull secrets of their ServiceAccount: a pod gets these only when it is created. */
import { addedTo } from '../../plan/service-account.ts';
import type { Facts } from '../facts/facts.ts';
import type { Hit, Rule } from './rule.ts';
import type { Workload } from '../observe/observation.ts';
import { agree, capital, plural, quote, quoteList, some } from '../../text.ts';
import { ownerSteps, recreate } from './owners.ts';

export const podBeforePatch: Rule = {
  id: 'PP020',
  name: 'pod-before-patch',
  category: 'Pulls',
  severity: 'warning',
  title: 'Pods are older than the pull secrets of their ServiceAccount',
  cause:
    'Pods copy the imagePullSecrets of their ServiceAccount when they are created. These were created ' +
    'before the ServiceAccount got the Secret, and never get it.',
  remedy: 'Have the pods created anew, such as by `kubectl rollout restart`',
  *check(facts) {
    const owners = yield* ownerSteps(facts.managed, (workload) => lackOf(facts, workload, 'before'));
    return owners.map(({ object, title, pods, about }): Hit => ({
      object,
      message:
        `${title}: ${plural(pods, 'pod')} ${agree(pods, 'was', 'were')} created before ServiceAccount ` +
        `"${about[0]?.workload.serviceAccount ?? ''}" got ` +
        `${quoteList(about.flatMap(({ secrets }) => secrets))}, and ${agree(pods, 'pulls', 'pull')} ` +
        `${images(about)} without it.`,
      remedy: capital(recreate(object, pods)),
    }));
  },
};

export const podOwnSecrets: Rule = {
  id: 'PP021',
  name: 'pod-own-pull-secrets',
  category: 'Pulls',
  severity: 'warning',
  title: "Pods name pull secrets of their own and get none of the ServiceAccount's",
  cause:
    "A pod that names any pull secret itself gets none of its ServiceAccount's, and none of those it names matches its image.",
  remedy: 'Add the Secret to imagePullSecrets in the pod template, or remove that list there.',
  *check(facts) {
    const owners = yield* ownerSteps(facts.managed, (workload) => lackOf(facts, workload, 'own'));
    return owners.map(({ object, title, pods, about }): Hit => ({
      object,
      message:
        `${title}: ${plural(pods, 'pod')} ${agree(pods, 'names', 'name')} ` +
        `${quoteList(about.flatMap(({ workload }) => workload.pullSecrets))} and so ` +
        `${agree(pods, 'gets', 'get')} none of ServiceAccount "${about[0]?.workload.serviceAccount ?? ''}": ` +
        `${quoteList(about.flatMap(({ secrets }) => secrets))} would match ${images(about)}.`,
      remedy: `Add ${quoteList(about.flatMap(({ secrets }) => secrets))} to imagePullSecrets in the pod template of ${title}, or remove that list there.`,
    }));
  },
};

interface Lack {
  /** Secrets of the ServiceAccount that would match, and that the pods lack. */
  readonly secrets: readonly string[];
  readonly images: readonly string[];
}

function lackOf({ account, keys, image }: Facts, workload: Workload, kind: 'before' | 'own'): Lack | undefined {
  const { namespace, pullSecrets, serviceAccount } = workload;
  const current = account(namespace, serviceAccount);
  const listed = current?.pullSecrets ?? [];
  const has = new Set(pullSecrets);
  const lacking = listed.filter((name) => name !== '' && !has.has(name));
  if (
    current === undefined ||
    lacking.length === 0 ||
    (isOlder(pullSecrets, listed, addedTo(current)) ? 'before' : 'own') !== kind
  )
    return undefined;

  const own = keys.of(namespace, pullSecrets);
  const missed = keys.of(namespace, lacking);
  const uncovered = workload.images.filter((reference) => {
    const parsed = image(reference);
    return parsed !== undefined && own.picks(parsed.name).length === 0 && missed.picks(parsed.name).length > 0;
  });
  if (uncovered.length > 0) {
    const secrets = uncovered.flatMap((reference) =>
      missed
        .picks(image(reference)?.name ?? '')
        .slice(0, 1)
        .map(({ secret }) => secret),
    );
    return { secrets: [...new Set(secrets)], images: uncovered };
  }
  // A Secret that cannot be read may match: report it only if pulls fail.
  const failing = workload.failures.map((failure) => failure.image);
  return missed.unseen.length > 0 && failing.length > 0 ? { secrets: missed.unseen, images: failing } : undefined;
}

/**
 * Whether the pod has no pull secrets, or those that the ServiceAccount had before Pullpass added its own, with some of these: it
 * got them with an older configuration, or as it was created (docs/born-ready.md), where the ServiceAccount's own annotation is not seen.
 */
function isOlder(onPod: readonly string[], listed: readonly string[], added: ReadonlySet<string>): boolean {
  if (onPod.length === 0) return true;
  return (
    onPod.every((name) => listed.includes(name)) && listed.every((name) => added.has(name) || onPod.includes(name))
  );
}

const images = (about: readonly Lack[]): string => some([...new Set(about.flatMap((lack) => lack.images))].map(quote));
