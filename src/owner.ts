/** Whose an object is, known by labels of our own: one owner an object, and one of two is no owner at all. */
import {
  LABEL_CACHE_PROXY,
  LABEL_MANAGED_BY,
  LABEL_ROLE,
  LABEL_SOURCE,
  MANAGER,
  REPORT_NAME,
  STATE_NAME,
} from './names.ts';

/** `login`: rendered for a cache proxy. `contested`: it carries the labels of several, so nobody may write or delete it. */
export type Owner = 'copy' | 'login' | 'state' | 'report' | 'nobody' | 'contested';

export function ownerOf({
  name,
  labels = {},
}: {
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
}): Owner {
  const marks = [LABEL_SOURCE, LABEL_CACHE_PROXY, LABEL_ROLE].filter((label) => labels[label] !== undefined);
  if (marks.length > 1) return 'contested';
  if (labels[LABEL_SOURCE] !== undefined) return 'copy';
  if (labels[LABEL_CACHE_PROXY] !== undefined) return 'login';
  const role = labels[LABEL_ROLE];
  if (role !== undefined) return role === 'state' || role === 'report' ? role : 'nobody';
  // The first version gave these two no label of their own; they get it with their next write.
  if (labels[LABEL_MANAGED_BY] !== MANAGER) return 'nobody';
  return name === STATE_NAME ? 'state' : name === REPORT_NAME ? 'report' : 'nobody';
}
