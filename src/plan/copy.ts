/** Plans one copy in one namespace. */
import { metadataText } from '../config/copy-metadata.ts';
import { TYPE_DOCKER_CONFIG_JSON } from '../names.ts';
import type { CopyAction } from './action.ts';
import type { ObservedCopy, ObservedNamespace, ObservedSource } from './observed.ts';
import type { ObjectRef, Problem } from './problem.ts';
import type { Choice } from './selection.ts';

/** The standing of a copy, for tables, metrics and findings. */
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
  /** Being deleted, kept by finalizers of others, and not to be brought up to date until they let go. */
  | 'blocked'
  | 'none';

export interface CopyPlan {
  readonly state: CopyState;
  readonly action?: CopyAction;
  readonly problem?: Problem;
  /**
   * What happens to references. `add`: selected accounts get one, since the copy exists or is written first; `keep`: selected
   * accounts keep theirs, none is added; in both, other accounts lose theirs. `freeze`: nothing changes. `remove`: none stays.
   */
  readonly references: 'add' | 'keep' | 'freeze' | 'remove';
}

/** `reserved`: the copy would have the name of a Secret that a source is read from. Such a Secret is never written. */
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
  // The source's own namespace may opt in: if the source has the copy's name, pods use the source itself.
  if (config.secret.namespace === namespace.name && config.secret.name === config.copyName) {
    if (!choice.in) return unwanted;
    return { state: 'source', references: copy === undefined || copy.terminating ? 'keep' : 'add' };
  }
  if (reserved) return choice.in ? planReserved(namespace, source) : unwanted;
  return choice.in ? planWanted(namespace, source, copy) : planUnwanted(config.onOptOut, copy);
}

function planWanted(
  namespace: ObservedNamespace,
  { config, digest }: ObservedSource,
  copy: ObservedCopy | undefined,
): CopyPlan {
  const { copyMetadata: metadata } = config;
  const target = {
    namespace: namespace.name,
    name: config.copyName,
    source: config.name,
    ...(metadata && { metadata }),
  };
  if (copy === undefined) {
    if (digest !== undefined)
      return { state: 'missing', action: { type: 'createCopy', ...target, digest }, references: 'add' };
    // No problem of the namespace: thousands may wait, and the source has its own Event, log line and finding.
    return { state: 'unavailable', references: 'keep' };
  }
  const stuck = copy.terminating ? blockedBy(copy) : undefined;
  // The deletion ends by itself; then its watch event causes the copy to be created again.
  if (copy.terminating && stuck === undefined) return { state: 'terminating', references: 'keep' };
  const unchangeable = whyUnchangeable(copy, digest);
  // A Secret of others is never deleted, even with the adopt annotation.
  if (!copy.ours && (!copy.adopt || unchangeable !== undefined || copy.other !== undefined || copy.terminating)) {
    return {
      state: 'foreign',
      references: 'keep',
      problem: stuck ?? { reason: 'SecretNotOurs', object: refTo(copy), source: config.name, taken: copy },
    };
  }
  const update =
    digest === undefined
      ? undefined
      : ({ type: 'updateCopy', ...target, digest, uid: copy.uid, resourceVersion: copy.resourceVersion } as const);
  // Without a content in force there is nothing to compare with: the copy counts as the last good one.
  if (update === undefined && !copy.ours) return { state: 'foreign', references: 'keep' };
  const isStale = update !== undefined && (!copy.ours || copy.digest !== digest || copy.source !== config.name);
  // It cannot be replaced while finalizers keep it, but pods still pull with it: what can be changed is.
  if (stuck !== undefined) {
    const blocked = { references: 'keep', problem: stuck } as const;
    if (unchangeable !== undefined) return { state: 'blocked', ...blocked };
    return isStale ? { state: 'stale', action: update, ...blocked } : { state: 'in sync', ...blocked };
  }
  if (update !== undefined && unchangeable !== undefined)
    return { state: 'stale', action: { ...update, type: 'replaceCopy', why: unchangeable }, references: 'add' };
  if (isStale) return { state: 'stale', action: update, references: 'add' };
  // Written before copies named their installation: the next write, with the same content, makes it surely ours.
  // Labels and annotations change nothing of its login: no rotation waits for them.
  const isOdd = copy.instance === undefined || copy.metadata !== (metadata && metadataText(metadata));
  return { state: 'in sync', ...(isOdd && update !== undefined && { action: update }), references: 'add' };
}

/** Whether a copy that was just written needs nothing more. */
export function isAsWanted(
  copy: ObservedCopy,
  { source, digest, metadata }: Extract<CopyAction, { readonly digest: string }>,
  instance: string,
): boolean {
  const isOwn = copy.ours && copy.source === source && copy.instance === instance;
  const isWhole = copy.digest === digest && copy.metadata === (metadata && metadataText(metadata));
  return isOwn && isWhole && copy.type === TYPE_DOCKER_CONFIG_JSON && !copy.terminating;
}

/** Why an update cannot make it what it should be; undefined: it can. */
function whyUnchangeable(copy: ObservedCopy, digest: string | undefined): 'type' | 'immutable' | undefined {
  if (copy.type !== TYPE_DOCKER_CONFIG_JSON) return 'type';
  return copy.immutable === true && digest !== undefined && copy.digest !== digest ? 'immutable' : undefined;
}

/** Undefined: nothing keeps it. */
function blockedBy(copy: ObservedCopy): Problem | undefined {
  const { finalizers } = copy;
  return finalizers && { reason: 'CopyBlocked', object: refTo(copy), finalizers };
}

const refTo = ({ namespace, name, uid }: ObservedCopy): ObjectRef => ({ kind: 'Secret', namespace, name, uid });

/** Overwritten, that source would spread this source's content under its own name; removed, it would be lost. */
function planReserved(namespace: ObservedNamespace, { config }: ObservedSource): CopyPlan {
  return {
    state: 'foreign',
    references: 'keep',
    problem: {
      reason: 'SecretNotOurs',
      object: { kind: 'Secret', namespace: namespace.name, name: config.copyName },
      source: config.name,
    },
  };
}

function planUnwanted(onOptOut: 'remove' | 'retain', copy: ObservedCopy | undefined): CopyPlan {
  if (copy === undefined || !copy.ours)
    return { state: 'none', references: onOptOut === 'retain' && copy !== undefined ? 'freeze' : 'remove' };
  if (onOptOut === 'retain') return { state: 'retained', references: 'freeze' };
  return planRemoval(copy);
}

/** Plans the removal of a copy that is no longer wanted, also of one under a retired name. */
export function planRemoval(copy: ObservedCopy | undefined): CopyPlan {
  if (copy === undefined || !copy.ours) return { state: 'none', references: 'remove' };
  if (copy.terminating) {
    const problem = blockedBy(copy);
    return {
      state: problem === undefined ? 'terminating' : 'blocked',
      references: 'remove',
      ...(problem && { problem }),
    };
  }
  return {
    state: 'leftover',
    action: {
      type: 'deleteCopy',
      ...(copy.handmade && { handmade: copy.handmade }),
      namespace: copy.namespace,
      name: copy.name,
      uid: copy.uid,
      resourceVersion: copy.resourceVersion,
    },
    references: 'remove',
  };
}
