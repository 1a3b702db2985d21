/** What has to happen to one copy in one namespace. */
import { LABEL_CACHE_PROXY, LABEL_ROLE, LABEL_SOURCE, TYPE_DOCKER_CONFIG_JSON } from '../names.ts';
import type { CopyAction } from './action.ts';
import type { ObservedCopy, ObservedNamespace, ObservedSource } from './observed.ts';
import type { Problem } from './problem.ts';
import type { Choice } from './selection.ts';
import { quote } from '../text.ts';

/** How a copy stands, for tables, metrics and findings. */
export type CopyState =
  | 'in sync'
  | 'missing'
  | 'stale'
  | 'foreign'
  | 'unavailable'
  | 'source'
  | 'leftover'
  | 'retained'
  | 'held'
  | 'terminating'
  | 'none';

export interface CopyPlan {
  readonly state: CopyState;
  readonly action?: CopyAction;
  readonly problem?: Problem;
  /**
   * What this means for references. `add`: selected accounts get one, for the copy is there or is written first;
   * `keep`: selected accounts keep theirs, none is added; in both, deselected ones lose it. `freeze`: nothing changes.
   * `remove`: none may stay.
   */
  readonly references: 'add' | 'keep' | 'freeze' | 'remove';
}

/** Of what Pullpass made for something else, or what looks like two of its things. */
const REMEDIES: Readonly<Record<NonNullable<ObservedCopy['other']>, string>> = {
  login: `It holds the login of a cache proxy (label ${LABEL_CACHE_PROXY}): delete it, or give the source another copyName.`,
  state: 'Pullpass keeps its state there: give the source another copyName.',
  report: `It carries the label ${LABEL_ROLE}: remove the label, or give the source another copyName.`,
  contested: `It carries several of ${LABEL_SOURCE}, ${LABEL_CACHE_PROXY} and ${LABEL_ROLE}, so it is unclear whose it is: remove those that are wrong.`,
};

/** `reserved`: whether the copy's place is that of a Secret that a source is read from. Such a Secret is never written. */
export function planCopy(
  namespace: ObservedNamespace,
  source: ObservedSource,
  choice: Choice,
  copy: ObservedCopy | undefined,
  reserved: boolean,
): CopyPlan {
  const { config } = source;
  if (!source.read) return { state: 'unavailable', references: 'freeze' };
  const unwanted: CopyPlan = { state: 'none', references: config.onOptOut === 'retain' ? 'freeze' : 'remove' };
  // The source's own namespace may opt in: there the source itself is what pods use.
  if (config.secret.namespace === namespace.name && config.secret.name === config.copyName) {
    if (!choice.in) return unwanted;
    return { state: 'source', references: copy === undefined || copy.terminating ? 'keep' : 'add' };
  }
  if (reserved) return choice.in ? planReserved(namespace, source) : unwanted;
  return choice.in ? planWanted(namespace, source, copy) : planUnwanted(config.onOptOut, copy);
}

function planWanted(
  namespace: ObservedNamespace,
  { config, digest, problems }: ObservedSource,
  copy: ObservedCopy | undefined,
): CopyPlan {
  const target = { namespace: namespace.name, name: config.copyName, source: config.name };
  if (copy === undefined) {
    if (digest !== undefined)
      return { state: 'missing', action: { type: 'createCopy', ...target, digest }, references: 'add' };
    const [why] = problems;
    // Being tried: no alarm.
    if (why === undefined) return { state: 'unavailable', references: 'keep' };
    return {
      state: 'unavailable',
      references: 'keep',
      problem: {
        reason: 'SourceUnavailable',
        object: { kind: 'Namespace', name: namespace.name, uid: namespace.uid },
        note: `Source "${config.name}" has nothing to copy yet: ${why}`,
      },
    };
  }
  // It goes away by itself; its deletion comes back as an event and it is made again.
  if (copy.terminating) return { state: 'terminating', references: 'keep' };
  const wrongType = copy.type !== TYPE_DOCKER_CONFIG_JSON;
  // A type cannot be changed, and a Secret that is not ours is never deleted, whatever its annotation says.
  if (!copy.ours && (!copy.adopt || wrongType || copy.other !== undefined)) {
    const remedy =
      copy.other !== undefined
        ? REMEDIES[copy.other]
        : copy.adopt
          ? `It is to be adopted, but is of type ${quote(copy.type)}, which cannot be changed: delete it.`
          : 'Delete or rename it, or annotate it pullpass.dev/adopt="true" to let Pullpass take it over.';
    return {
      state: 'foreign',
      references: 'keep',
      problem: {
        reason: 'SecretNotOurs',
        object: { kind: 'Secret', namespace: copy.namespace, name: copy.name, uid: copy.uid },
        note: `A Secret that Pullpass ${copy.other === undefined ? 'did not make' : 'has for something else'} has the name of the copy of source "${config.name}": it is left alone. ${remedy}`,
      },
    };
  }
  // Without a good content there is nothing to compare with: what is there is the last good one.
  if (digest === undefined) return { state: copy.ours ? 'in sync' : 'foreign', references: copy.ours ? 'add' : 'keep' };
  const content = { ...target, digest, uid: copy.uid, resourceVersion: copy.resourceVersion };
  if (wrongType) return { state: 'stale', action: { type: 'replaceCopy', ...content }, references: 'add' };
  if (!copy.ours || copy.digest !== digest || copy.source !== config.name)
    return { state: 'stale', action: { type: 'updateCopy', ...content }, references: 'add' };
  return { state: 'in sync', references: 'add' };
}

/** Written over, a source would spread this one's content under its own name; removed, it would be lost. */
function planReserved(namespace: ObservedNamespace, { config }: ObservedSource): CopyPlan {
  return {
    state: 'foreign',
    references: 'keep',
    problem: {
      reason: 'SecretNotOurs',
      object: { kind: 'Secret', namespace: namespace.name, name: config.copyName },
      note: `The copy of source "${config.name}" would have the place of a Secret that the configuration names as a source or a login: it is left alone. Give the source another copyName, or do not opt this namespace in to it.`,
    },
  };
}

function planUnwanted(onOptOut: 'remove' | 'retain', copy: ObservedCopy | undefined): CopyPlan {
  if (copy === undefined || !copy.ours)
    return { state: 'none', references: onOptOut === 'retain' && copy !== undefined ? 'freeze' : 'remove' };
  if (onOptOut === 'retain') return { state: 'retained', references: 'freeze' };
  return planRemoval(copy);
}

/** Of a copy that nobody asks for any more; also of one under a retired name. */
export function planRemoval(copy: ObservedCopy | undefined): CopyPlan {
  if (copy === undefined || !copy.ours) return { state: 'none', references: 'remove' };
  if (copy.terminating) return { state: 'terminating', references: 'remove' };
  return {
    state: 'leftover',
    action: {
      type: 'deleteCopy',
      namespace: copy.namespace,
      name: copy.name,
      uid: copy.uid,
      resourceVersion: copy.resourceVersion,
    },
    references: 'remove',
  };
}
