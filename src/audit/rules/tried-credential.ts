/** For a failing pull: which credential kubelets try, or why none, and what to do. */
import { whyNoRegistry } from '../../credentials/image-reference.ts';
import { quoteKey } from '../../credentials/registry-name.ts';
import { ANNOTATION_SERVICE_ACCOUNTS, ANNOTATION_SOURCES } from '../../names.ts';
import type { ObservedNamespace } from '../../plan/observed.ts';
import { admitsName, admitted, type Choice } from '../../plan/selection.ts';
import type { Facts } from '../facts/facts.ts';
import { KUBE_IMAGE_KEEPER } from '../facts/well-known.ts';
import type { FindingObject } from './rule.ts';
import type { PickedKey } from '../facts/keys.ts';
import type { Workload } from '../observe/observation.ts';
import { agree, minute, quote, quoteList } from '../../text.ts';
import { recreate } from './owners.ts';
import { secretOf, stepsIn, unusableSources, whyUnknown } from './remedies.ts';
import type { SourceStanding } from '../../plan/namespace-plan.ts';

interface Pulling {
  readonly object: FindingObject;
  readonly workload: Workload;
  readonly pods: number;
  /** undefined: it could not be read. */
  readonly namespace: ObservedNamespace | undefined;
}

/** The result: which credential kubelets try, or why none. */
export interface Tried {
  /** A clause. */
  readonly text: string;
  /** What to do if the login is the reason: begins in lower case, and ends the sentence. */
  readonly then: string;
  readonly matched: boolean;
  /** Stands for {@link text}: pods with the same one fail for the same reason. Never shown, for it has the digest of the login. */
  readonly why: string;
  /** A clause: a known fault of the credential, whatever the registry says. */
  readonly wrong?: string | undefined;
}

const STATIC: Tried = {
  text: 'it is a static pod, for which its node must log in',
  then: 'give the node a login.',
  why: 'static',
  matched: false,
};

export function triedFor(facts: Facts, pulling: Pulling, reference: string): Tried {
  const { image, keys, account } = facts;
  const {
    object,
    pods,
    workload: { namespace, pullSecrets, serviceAccount, isStatic, rewritten = [] },
  } = pulling;
  const parsed = image(reference);
  const noRegistry = parsed === undefined ? undefined : whyNoRegistry(parsed);
  if (parsed === undefined || noRegistry !== undefined)
    return {
      text: noRegistry ?? 'the image is no valid reference',
      then: 'correct the name of the image.',
      why: 'no image',
      matched: false,
      wrong: noRegistry,
    };
  const { name } = parsed;
  if (isStatic) return STATIC;
  const own = keys.of(namespace, pullSecrets);
  if (own.broken.length > 0) {
    const wrong = `pull Secret ${quoteList(own.broken)} cannot be parsed, which fails every pull`;
    return { text: wrong, then: 'mend that Secret.', why: 'broken', matched: false, wrong };
  }
  const [pick] = own.picks(name);
  const tries = rewritten.includes(reference) ? `${KUBE_IMAGE_KEEPER} tries` : 'kubelets try';
  if (pick !== undefined)
    return {
      text: `${tries} the credential ${quoteKey(pick.entry.key)} of Secret ${quote(pick.secret)}`,
      then: `replace that credential in ${placeOf(facts, namespace, pick)}, or give its user the right to pull.`,
      why: `${pick.secret} ${pick.entry.key} ${pick.entry.login}`,
      matched: true,
      wrong: wrongWith(facts, pick),
    };
  if (own.unseen.length > 0)
    return {
      text: `whether one of ${agree(pods, 'its', 'their')} pull Secrets matches is unknown: ${quoteList(own.unseen)} could not be read`,
      then: 'run `pullpass match` for the image as somebody who may read that Secret.',
      why: 'unseen',
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
      why: 'older',
      matched: false,
    };
  if (!facts.configured)
    return {
      text: none,
      then: `give the ServiceAccount a pull Secret for this registry, then ${anew}`,
      why: 'none',
      matched: false,
    };
  const { text, ...rest } = fromSources(facts, pulling, name, anew);
  return { ...rest, text: `${none}${text}`, matched: false };
}

/** Which source has a credential for the image, and why the pod lacks it. `anew`: how to recreate the pods. */
function fromSources(
  facts: Facts,
  { namespace, workload }: Pulling,
  name: string,
  anew: string,
): Pick<Tried, 'text' | 'then' | 'why'> {
  const plan = facts.planOf(workload.namespace);
  const [best] = facts
    .sourcesFor(name)
    .map(({ config }) => ({
      config,
      standing: plan?.standings.find(({ source }) => source === config.name),
      admits: namespace === undefined ? admitsName(config, workload.namespace) : admitted(config, namespace),
    }))
    .sort((a, b) => rank(a) - rank(b));
  if (best === undefined) {
    const waiting = waitingIn(facts, name);
    if (waiting !== undefined) return waiting;
    const invalid = unusableSources(facts);
    if (invalid.length > 0)
      return {
        text: `; whether a source has a credential for it is unknown, because ${quoteList(invalid)} cannot be used`,
        why: 'invalid',
        then: `see the finding PP081 of ${agree(invalid.length, 'that source', 'those sources')}.`,
      };
    const unknown = whyUnknown(facts);
    if (unknown !== undefined)
      return {
        text: `; whether a source has a credential for it is unknown, because ${unknown}`,
        then: 'run the audit as somebody who may read that Secret.',
        why: 'unread',
      };
    const optIn = plan?.standings.some(({ choice }) => choice.in) === true ? '' : ', and opt the namespace in';
    return {
      text: ', and no source has a credential for it',
      then: `add a credential for this registry to a source${optIn}.`,
      why: 'no source',
    };
  }

  const { config, standing, admits } = best;
  const has = `; source "${config.name}" has a credential`;
  if (standing === undefined || namespace === undefined)
    return {
      text: `${has}; whether the namespace gets it is unknown`,
      then: 'see what `pullpass plan --config FILE` says of the namespace.',
      why: `unknown ${config.name}`,
    };
  if (standing.choice.in) {
    if (standing.copy === 'foreign')
      return {
        text: `${has}, but the place of its copy is taken by Secret ${quote(config.copyName)}`,
        then: 'see the finding PP003 of that Secret.',
        why: `taken ${config.name}`,
      };
    return {
      text: `${has}, which has not reached ServiceAccount ${quote(workload.serviceAccount)}`,
      then:
        `see that the controller runs, and that ServiceAccount ${quote(workload.serviceAccount)} is selected ` +
        `(${ANNOTATION_SERVICE_ACCOUNTS}); then ${anew}`,
      why: `not reached ${config.name}`,
    };
  }
  const { why } = standing.choice;
  const guard = admits || why === 'denied' ? '' : ', and the guard of the source does not admit it';
  return {
    text: `${has}, but ${NOT_IN[why]}${guard}`,
    then: `${stepsIn(config, namespace, admits).join(', and ')}; then ${anew}`,
    why: `${why} ${config.name}`,
  };
}

/** A source that has an entry for the image, which is not in force; undefined: there is none. */
function waitingIn({ waitingFor }: Facts, name: string): Pick<Tried, 'text' | 'then' | 'why'> | undefined {
  const [first] = waitingFor(name);
  if (first === undefined) return undefined;
  const { name: source } = first.source.config;
  return first.by === 'held'
    ? {
        text: `; source "${source}" has an entry for it, which is held back and not in force`,
        why: `held ${source}`,
        then: `see the finding PP082 of source "${source}".`,
      }
    : {
        text: `; source "${source}" has a credential for it, which only the canaries have so far`,
        why: `canaries ${source}`,
        then: `wait until they were watched: \`pullpass wait --config FILE --source ${source}\``,
      };
}

const NOT_IN: Readonly<Record<Extract<Choice, { in: false }>['why'], string>> = {
  denied: 'its guard does not admit the namespace',
  'not listed': `the namespace does not list it (${ANNOTATION_SOURCES})`,
  'not opted in': 'the namespace is not opted in',
  disabled: 'the namespace is not opted in (disabled)',
  'bad annotation': 'the namespace is not opted in (bad annotation)',
};

/** First the sources that the namespace is opted in to, then those whose guard admits it. */
const rank = ({
  standing,
  admits,
}: {
  readonly standing: SourceStanding | undefined;
  readonly admits: boolean;
}): number => (standing?.choice.in === true ? (standing.copy === 'foreign' ? 1 : 0) : admits ? 2 : 3);

/** The Secret in which to replace the credential: for a copy, its source. */
function placeOf({ sources, planOf }: Facts, namespace: string, { secret }: PickedKey): string {
  const source = sources.find(({ config }) => config.copyName === secret);
  const foreign = planOf(namespace)?.standings.find(({ copyName }) => copyName === secret)?.copy === 'foreign';
  return source === undefined || foreign ? `Secret ${namespace}/${secret}` : secretOf(source);
}

function wrongWith({ now, sources, registries = [] }: Facts, { secret, entry }: PickedKey): string | undefined {
  const credential = `credential ${quoteKey(entry.key)} of Secret ${quote(secret)}`;
  // One that is older than `maxAge` may work all the same.
  if (entry.expiresAt !== undefined && entry.endBy !== 'maxAge' && entry.expiresAt <= now)
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
