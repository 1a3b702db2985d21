/** Rule on pulls that fail now: why, and whether a credential matches. */
import type { Facts } from '../facts/facts.ts';
import { KUBE_IMAGE_KEEPER } from '../facts/well-known.ts';
import { failingOwnerSteps, groupFailing, podsOf } from '../facts/failing-images.ts';
import type { FailingGroup, FailingOwner, Reasoned } from '../facts/failing-images.ts';
import type { FindingObject, Hit, Rule } from './rule.ts';
import { stepwise } from '../../async/steps.ts';
import type { ObservedNamespace } from '../../plan/observed.ts';
import { capital, plural, quote, quoteList, sentence, some, uncapital } from '../../text.ts';
import { classifyPullError } from '../../plan/pull-error.ts';
import type { PullErrorClass } from '../../plan/pull-error.ts';
import { triedFor } from './tried-credential.ts';
import type { Tried } from './tried-credential.ts';

export const pullFailing: Rule = {
  id: 'PP022',
  name: 'pull-failing',
  category: 'Pulls',
  severity: 'error',
  title: 'Pods cannot pull an image',
  cause:
    'A container waits in ErrImagePull, ImagePullBackOff or a relative of these: no or a refused login, ' +
    'an image that does not exist or may not be pulled (imagePullPolicy: Never), a rate limit, or a ' +
    'registry that does not answer. Behind a cache proxy "not found" can mean that its upstream login ' +
    'was revoked. Pods with the same image and the same reason are one finding, whoever owns them.',
  remedy: 'See the line of each finding: it says what the registry answered and which credential was tried.',
  *check(facts) {
    const namespaces = new Map(facts.scopes.map(({ namespace }) => [namespace.name, namespace]));
    const owners = yield* failingOwnerSteps(facts.workloads);
    const judged: Judged[] = [];
    yield* stepwise(owners, 500, (owner) => judged.push(judge(facts, owner, namespaces.get(owner.workload.namespace))));
    const groups = groupFailing(judged);
    const [next, ...rest] = groups.slice(MAX_TOLD);
    return [
      ...groups.slice(0, MAX_TOLD).map((group) => hitOf(facts, group)),
      ...(next === undefined ? [] : [restOf(facts, [next, ...rest])]),
    ];
  },
};

/** Tenants can run pods with any number of images: those with the most pods are told one by one. */
const MAX_TOLD = 200;

interface Judged extends Reasoned {
  readonly object: FindingObject;
  /** `team-a/Deployment web`. */
  readonly title: string;
  readonly error: PullErrorClass;
  readonly text: string;
  readonly remedy: string;
}

function judge(facts: Facts, owner: FailingOwner, namespace: ObservedNamespace | undefined): Judged {
  const { failure, workload, pods } = owner;
  const { kind, name } = workload.owner;
  const object = { kind, namespace: workload.namespace, name };
  const error = classifyPullError(failure.reason, failure.message);
  const rewritten = workload.rewritten?.includes(failure.image) === true;
  const tried = triedFor(facts, { object, workload, pods, namespace }, failure.image);
  return {
    ...owner,
    object,
    error,
    title: `${workload.namespace}/${kind} ${name}`,
    ...explain(error, tried, rewritten ? REWRITTEN : proxiesOf(facts, failure.image)),
    reason: `${error}, ${tried.why}`,
    vague: error === 'other' && /^(Back-off pulling image|$)/.test(failure.message),
  };
}

function hitOf(facts: Facts, group: FailingGroup<Judged>): Hit {
  const [first, ...others] = group;
  const { failure, error, title, text, remedy } = first;
  const pods = podsOf(group);
  const where = failure.containerKind === 'container' ? '' : ` of ${failure.containerKind} ${quote(failure.container)}`;
  const said = failure.message === '' ? '' : ` The kubelet says: ${sentence(failure.message)}`;
  const what = `cannot pull ${quote(failure.image)}${where} (${failure.reason}): ${text}${said}`;
  const object = objectOf(facts, group);
  if (others.length === 0)
    return { object, about: failure.image, message: `${title}: ${plural(pods, 'pod')} ${what}`, remedy };
  const same = others.every((other) => other.remedy === remedy || (other.vague && !first.vague));
  return {
    object,
    about: `${failure.image} ${error}`,
    message: `${plural(pods, 'pod')} of ${some(group.map((each) => each.title))} ${what}`,
    remedy: same ? remedy : `For ${title}: ${uncapital(remedy).replace(/\.$/, '')}; the others alike.`,
  };
}

/** One owner, or the registry of the image: a group that grows stays the same finding. */
function objectOf({ image }: Facts, [{ failure, object }, ...others]: FailingGroup<Judged>): FindingObject {
  const registry = image(failure.image)?.registry ?? '';
  return others.length === 0 || registry === '' ? object : { kind: 'Registry', name: registry };
}

function restOf(facts: Facts, groups: readonly [FailingGroup<Judged>, ...FailingGroup<Judged>[]]): Hit {
  const images = new Set(groups.map(([{ failure }]) => failure.image));
  const pods = groups.reduce((sum, group) => sum + podsOf(group), 0);
  return {
    object: objectOf(facts, groups[0]),
    about: 'more',
    message: `${plural(images.size, 'more image')} cannot be pulled by ${plural(pods, 'pod')}: ${quoteList(images)}.`,
    remedy: 'To see those of one namespace: `pullpass audit --config FILE --namespace NAME`',
  };
}
/** kube-image-keeper version 1 is in front: it pulls with the pull Secrets of the pods. */
const REWRITTEN = 'rewritten';

function explain(
  kind: PullErrorClass,
  { text, then, matched, wrong }: Tried,
  proxies: readonly string[] | typeof REWRITTEN,
): { text: string; remedy: string } {
  const once = capital(then);
  switch (kind) {
    case 'no image name':
      return {
        text: 'the name of the image is not valid.',
        remedy: 'Correct the name of the image in the pod template.',
      };
    case 'never pulled':
      return {
        text: 'imagePullPolicy is Never and the image is not on the node.',
        remedy: 'Load the image there, or change the policy.',
      };
    case 'login':
      return {
        text: matched ? `the registry refuses the login; ${text}.` : `the registry wants a login; ${text}.`,
        remedy: once,
      };
    case 'rate limit':
      return {
        text: `the registry limits how often it is asked; ${text}.`,
        remedy: matched ? 'Wait, or use an account with a higher limit, or put a cache proxy in front.' : once,
      };
    case 'network':
      return {
        text: `the registry cannot be reached or does not work${wrong === undefined ? '' : `; besides, ${wrong}`}.`,
        remedy: `Check DNS, the network and certificates from the node to the registry.${wrong === undefined ? '' : ` Then ${then}`}`,
      };
    case 'not found':
      if (proxies === REWRITTEN)
        return {
          text:
            `not found, behind ${KUBE_IMAGE_KEEPER}, which pulls with the pull Secrets of the pods: a refused login ` +
            `can look the same; ${text}.`,
          remedy: `Correct the name or tag of the image. If they are right: ${then}`,
        };
      if (proxies.length > 0)
        return {
          text:
            `not found, behind cache proxy ${quoteList(proxies)}; a revoked upstream login of the cache looks ` +
            `the same: what it holds is served, all else is "not found"; ${text}.`,
          remedy:
            `Verify the upstream login of cache proxy ${quoteList(proxies)} (\`pullpass verify --config FILE\`); ` +
            'if it works, correct the name or tag of the image.',
        };
      return {
        text: `not found; ${text}.`,
        remedy: matched
          ? 'Correct the name or tag of the image; some registries also say "not found" for what the login may not see.'
          : `Correct the name or tag of the image; if it is private: ${then}`,
      };
    case 'other':
      return {
        text: `${text}.`,
        remedy: matched
          ? 'See `kubectl describe pod` for the whole error.'
          : `See \`kubectl describe pod\` for the whole error; if the image is private: ${then}`,
      };
  }
}

function proxiesOf({ coverage, image }: Facts, reference: string): readonly string[] {
  const registry = image(reference)?.registry;
  return coverage.find((row) => row.registry === registry)?.proxies ?? [];
}
