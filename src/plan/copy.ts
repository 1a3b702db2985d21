/** Plans one copy in one namespace. */
import { TYPE_DOCKER_CONFIG_JSON } from '../names.ts';
import type { CopyAction } from './action.ts';
import type { ObservedCopy, ObservedNamespace, ObservedSource } from './observed.ts';
import type { Problem } from './problem.ts';
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
  const target = { namespace: namespace.name, name: config.copyName, source: config.name };
  if (copy === undefined) {
    if (digest !== undefined)
      return { state: 'missing', action: { type: 'createCopy', ...target, digest }, references: 'add' };
    // No problem of the namespace: thousands may wait, and the source has its own Event, log line and finding.
    return { state: 'unavailable', references: 'keep' };
  }
  // The deletion ends by itself; then its watch event causes the copy to be created again.
  if (copy.terminating) return { state: 'terminating', references: 'keep' };
  const wrongType = copy.type !== TYPE_DOCKER_CONFIG_JSON;
  // A type cannot be changed, and a Secret of others is never deleted, even with the adopt annotation.
  if (!copy.ours && (!copy.adopt || wrongType || copy.other !== undefined)) {
    return {
      state: 'foreign',
      references: 'keep',
      problem: {
        reason: 'SecretNotOurs',
        object: { kind: 'Secret', namespace: copy.namespace, name: copy.name, uid: copy.uid },
        source: config.name,
        taken: copy,
      },
    };
  }
  // Without a content in force there is nothing to compare with: the copy counts as the last good one.
  if (digest === undefined) return { state: copy.ours ? 'in sync' : 'foreign', references: copy.ours ? 'add' : 'keep' };
  const content = { ...target, digest, uid: copy.uid, resourceVersion: copy.resourceVersion };
  if (wrongType) return { state: 'stale', action: { type: 'replaceCopy', ...content }, references: 'add' };
  if (!copy.ours || copy.digest !== digest || copy.source !== config.name)
    return { state: 'stale', action: { type: 'updateCopy', ...content }, references: 'add' };
  return { state: 'in sync', references: 'add' };
}

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
