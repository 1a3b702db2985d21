/** What an object is for Pullpass, by Pullpass's labels: an object has one owner; the labels of several make it contested. */
import {
  LABEL_CACHE_PROXY,
  LABEL_INSTANCE,
  LABEL_MANAGED_BY,
  LABEL_ROLE,
  LABEL_SOURCE,
  MANAGER,
  REPORT_NAME,
  STATE_NAME,
} from './names.ts';

/**
 * `login`: rendered for a cache proxy. `contested`: it has the labels of several owners, so Pullpass never writes or deletes it.
 * `instance`: another installation in the cluster has it.
 */
export type Owner = 'copy' | 'login' | 'state' | 'report' | 'status' | 'nobody' | 'contested' | 'instance';

interface Labelled {
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * `instance`: who asks, by the namespace of its Lease; undefined: whichever installation has it. An object without the label
 * was written before there was one, and is anybody's: whoever writes it next has it.
 */
export function ownerOf({ name, labels = {} }: Labelled, instance: string | undefined): Owner {
  const owner = useOf(name, labels);
  if (owner === 'nobody' || owner === 'contested' || instance === undefined) return owner;
  return (labels[LABEL_INSTANCE] ?? instance) === instance ? owner : 'instance';
}

function useOf(name: string | undefined, labels: Readonly<Record<string, string>>): Exclude<Owner, 'instance'> {
  const marks = [LABEL_SOURCE, LABEL_CACHE_PROXY, LABEL_ROLE].filter((label) => labels[label] !== undefined);
  if (marks.length > 1) return 'contested';
  if (labels[LABEL_SOURCE] !== undefined) return 'copy';
  if (labels[LABEL_CACHE_PROXY] !== undefined) return 'login';
  const role = labels[LABEL_ROLE];
  if (role !== undefined) return role === 'state' || role === 'report' || role === 'status' ? role : 'nobody';
  // The first version gave state and report no role label; they get it with their next write.
  if (labels[LABEL_MANAGED_BY] !== MANAGER) return 'nobody';
  return name === STATE_NAME ? 'state' : name === REPORT_NAME ? 'report' : 'nobody';
}
