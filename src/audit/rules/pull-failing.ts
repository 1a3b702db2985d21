/** Pulls that fail now: why, and whether a credential would have matched. */
import type { SourceConfig } from '../../config/schema.ts';
import { quoteKey } from '../../credentials/registry-name.ts';
import { ANNOTATION_SERVICE_ACCOUNTS, ANNOTATION_SOURCES, ANNOTATION_SYNC } from '../../names.ts';
import type { ObservedNamespace } from '../../plan/observed.ts';
import { admitted, splitList } from '../../plan/selection.ts';
import type { Choice } from '../../plan/selection.ts';
import type { Facts } from '../facts/facts.ts';
import type { FindingObject, Hit, Rule } from './rule.ts';
import type { PickedKey } from '../facts/keys.ts';
import type { PullFailure, Workload } from '../observe/observation.ts';
import { agree, capital, minute, plural, quote, quoteList, sentence } from '../../text.ts';
import { ownerSteps, recreate } from './owners.ts';
import { classifyPullError } from './pull-error.ts';
import type { PullErrorClass } from './pull-error.ts';
import { secretOf, whyUnknown } from './remedies.ts';
import type { SourceStanding } from '../../plan/namespace-plan.ts';

export const pullFailing: Rule = {
  id: 'PP022',
  name: 'pull-failing',
  category: 'Pulls',
  severity: 'error',
  title: 'Pods cannot pull an image',
  cause:
    'A container waits in ErrImagePull, ImagePullBackOff or a relative of these: no or a refused login, an image that does not exist or may not be pulled (imagePullPolicy: Never), a rate limit, or a registry that does not answer. Behind a cache proxy "not found" can mean that its upstream login was revoked.',
  remedy: 'See the line of each finding: it says what the registry answered and which credential was tried.',
  *check(facts) {
    const namespaces = new Map(facts.scopes.map(({ namespace }) => [namespace.name, namespace]));
    const owners = yield* ownerSteps(facts.workloads, ({ failures }) => (failures.length > 0 ? {} : undefined));
    return owners.flatMap(({ object, title, about }) => {
      const byImage = new Map<string, { failure: PullFailure; workload: Workload; pods: number }>();
      for (const { workload } of about) {
        for (const failure of workload.failures) {
          const known = byImage.get(failure.image);
          if (known === undefined) byImage.set(failure.image, { failure, workload, pods: workload.pods });
          else known.pods += workload.pods;
        }
      }
      return [...byImage.values()].map(({ failure, workload, pods }): Hit => {
        const kind = classifyPullError(failure.reason, failure.message);
        const tried = triedFor(
          facts,
          { object, workload, pods, namespace: namespaces.get(workload.namespace) },
          failure.image,
        );
        const where =
          failure.containerKind === 'container' ? '' : ` of ${failure.containerKind} ${quote(failure.container)}`;
        const said = failure.message === '' ? '' : ` The kubelet says: ${sentence(failure.message)}`;
        const { text, remedy } = explain(kind, tried, proxiesOf(facts, failure.image));
        return {
          object,
          about: failure.image,
          message: `${title}: ${plural(pods, 'pod')} cannot pull ${quote(failure.image)}${where} (${failure.reason}): ${text}${said}`,
          remedy,
        };
      });
    });
  },
};

interface Pulling {
  readonly object: FindingObject;
  readonly workload: Workload;
  readonly pods: number;
  /** undefined: it was not seen. */
  readonly namespace: ObservedNamespace | undefined;
}

/** Which credential came into play. */
interface Tried {
  /** A clause. */
  readonly text: string;
  /** What helps when the login is what fails: begins in lower case, and ends the sentence. */
  readonly then: string;
  readonly matched: boolean;
  /** A clause: what is wrong with the credential, whatever the registry says. */
  readonly wrong?: string | undefined;
}

function triedFor(facts: Facts, pulling: Pulling, reference: string): Tried {
  const { image, keys, account } = facts;
  const {
    object,
    pods,
    workload: { namespace, pullSecrets, serviceAccount, isStatic },
  } = pulling;
  const name = image(reference)?.name;
  if (name === undefined)
    return { text: 'the image is no valid reference', then: 'correct the name of the image.', matched: false };
  if (isStatic)
    return {
      text: 'it is a static pod, for which its node must log in',
      then: 'give the node a login.',
      matched: false,
    };
  const own = keys.of(namespace, pullSecrets);
  if (own.broken.length > 0) {
    const wrong = `pull Secret ${quoteList(own.broken)} cannot be parsed, which fails every pull`;
    return { text: wrong, then: 'mend that Secret.', matched: false, wrong };
  }
  const [pick] = own.picks(name);
  if (pick !== undefined)
    return {
      text: `kubelets try the credential ${quoteKey(pick.entry.key)} of Secret ${quote(pick.secret)}`,
      then: `replace that credential in ${placeOf(facts, namespace, pick)}, or give its user the right to pull.`,
      matched: true,
      wrong: wrongWith(facts, pick),
    };
  if (own.unseen.length > 0)
    return {
      text: `whether one of ${agree(pods, 'its', 'their')} pull Secrets matches is unknown: ${quoteList(own.unseen)} could not be read`,
      then: 'run `pullpass match` for the image as somebody who may read that Secret.',
      matched: false,
    };

  const none = `no pull secret of the ${agree(pods, 'pod', 'pods')} matches`;
  const listed = account(namespace, serviceAccount)?.pullSecrets ?? [];
  const without = pullSecrets.some((each) => !listed.includes(each))
    ? `, without pull secrets of ${agree(pods, 'its', 'their')} own`
    : '';
  const anew = `have the ${agree(pods, 'pod', 'pods')} created anew${without}.`;
  const [later] = keys.of(namespace, listed).picks(name);
  if (later !== undefined)
    return {
      text: `${none}, but Secret ${quote(later.secret)} of ${agree(pods, 'its', 'their')} ServiceAccount ${quote(serviceAccount)} would`,
      then: without === '' ? recreate(object, pods) : anew,
      matched: false,
    };
  if (!facts.configured)
    return {
      text: none,
      then: `give the ServiceAccount a pull Secret for this registry, then ${anew}`,
      matched: false,
    };
  const { text, then } = fromSources(facts, pulling, name, anew);
  return { text: `${none}${text}`, then, matched: false };
}

/** What sources have for the image, and why it is not there. `anew`: how to have the pods take what comes. */
function fromSources(
  facts: Facts,
  { namespace, workload }: Pulling,
  name: string,
  anew: string,
): Pick<Tried, 'text' | 'then'> {
  const plan = facts.planOf(workload.namespace);
  const [best] = facts
    .sourcesFor(name)
    .map(({ config }) => ({
      config,
      standing: plan?.standings.find(({ source }) => source === config.name),
      admits: admitted(config, workload.namespace),
    }))
    .sort((a, b) => rank(a) - rank(b));
  if (best === undefined) {
    const unknown = whyUnknown(facts);
    if (unknown !== undefined)
      return {
        text: `; whether a source has a credential for it is unknown, because ${unknown}`,
        then: 'run the audit as somebody who may read that Secret.',
      };
    const optIn = plan?.standings.some(({ choice }) => choice.in) === true ? '' : ', and opt the namespace in';
    return {
      text: ', and no source has a credential for it',
      then: `add a credential for this registry to a source${optIn}.`,
    };
  }

  const { config, standing, admits } = best;
  const has = `; source "${config.name}" has a credential`;
  if (standing === undefined || namespace === undefined)
    return {
      text: `${has}; whether the namespace gets it is unknown`,
      then: 'see what `pullpass plan --config FILE` says of the namespace.',
    };
  if (standing.choice.in) {
    if (standing.copy === 'foreign')
      return {
        text: `${has}, but the place of its copy is taken by Secret ${quote(config.copyName)}`,
        then: 'see the finding PP003 of that Secret.',
      };
    return {
      text: `${has}, which has not reached ServiceAccount ${quote(workload.serviceAccount)}`,
      then: `see that the controller runs, and that ServiceAccount ${quote(workload.serviceAccount)} is selected (${ANNOTATION_SERVICE_ACCOUNTS}); then ${anew}`,
    };
  }
  const { why } = standing.choice;
  const guard = admits || why === 'denied' ? '' : ', and the guard of the source does not admit it';
  return {
    text: `${has}, but ${NOT_IN[why]}${guard}`,
    then: `${stepsIn(config, namespace, admits).join(', and ')}; then ${anew}`,
  };
}

const NOT_IN: Readonly<Record<Extract<Choice, { in: false }>['why'], string>> = {
  denied: 'its guard does not admit the namespace',
  'not listed': `the namespace does not list it (${ANNOTATION_SOURCES})`,
  'not opted in': 'the namespace is not opted in',
  disabled: 'the namespace is not opted in (disabled)',
  'bad annotation': 'the namespace is not opted in (bad annotation)',
};

/** A source that the namespace is in comes first, then one that it could be in. */
const rank = ({
  standing,
  admits,
}: {
  readonly standing: SourceStanding | undefined;
  readonly admits: boolean;
}): number => (standing?.choice.in === true ? (standing.copy === 'foreign' ? 1 : 0) : admits ? 2 : 3);

/** All that keeps the namespace out of the source. */
function stepsIn(config: SourceConfig, { name, sync, sources }: ObservedNamespace, admits: boolean): string[] {
  return [
    ...(admits ? [] : [`allow the namespace in the configuration: sources[].namespaces of source "${config.name}"`]),
    ...(sources === undefined || splitList(sources).includes(config.name)
      ? []
      : [`add "${config.name}" to the annotation ${ANNOTATION_SOURCES} of the namespace`]),
    ...(sync === 'enabled' || (sync === undefined && config.optInByDefault)
      ? []
      : [`opt the namespace in: \`kubectl annotate namespace ${name} --overwrite ${ANNOTATION_SYNC}=enabled\``]),
  ];
}

/** Where the credential is mended: a copy at its source. */
function placeOf({ sources, planOf }: Facts, namespace: string, { secret }: PickedKey): string {
  const source = sources.find(({ config }) => config.copyName === secret);
  const foreign = planOf(namespace)?.standings.find(({ copyName }) => copyName === secret)?.copy === 'foreign';
  return source === undefined || foreign ? `Secret ${namespace}/${secret}` : secretOf(source);
}

function wrongWith({ now, sources, registries = [] }: Facts, { secret, entry }: PickedKey): string | undefined {
  const credential = `credential ${quoteKey(entry.key)} of Secret ${quote(secret)}`;
  if (entry.expiresAt !== undefined && entry.expiresAt <= now)
    return `${credential} ended on ${minute(entry.expiresAt)}`;
  const source = sources.find(
    ({ config, content }) =>
      config.copyName === secret &&
      content?.entries.some(({ key, login }) => key === entry.key && login === entry.login),
  )?.config.name;
  return registries.some((each) => each.source === source && each.key === entry.key && each.state === 'refused')
    ? `its registry refused ${credential}`
    : undefined;
}

function explain(
  kind: PullErrorClass,
  { text, then, matched, wrong }: Tried,
  proxies: readonly string[],
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
      if (proxies.length > 0)
        return {
          text: `not found, behind cache proxy ${quoteList(proxies)}; a revoked upstream login of the cache looks the same: what it holds is served, all else is "not found"; ${text}.`,
          remedy: `Verify the upstream login of cache proxy ${quoteList(proxies)} (\`pullpass verify --config FILE\`); if it works, correct the name or tag of the image.`,
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
