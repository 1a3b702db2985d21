/** Actions in words: what they change, that they were done, or why they failed. */
import { messageOf } from '../errors.ts';
import type { Action } from '../plan/action.ts';
import type { Failure } from './namespace.ts';

/** What an action changes: `copy hub`, `ServiceAccount app: +hub -old`. */
export function describeChange(action: Action): string {
  if (action.type !== 'editReferences') return objectOf(action);
  const { add, remove } = action.edit;
  const parts = [...add.map((name) => `+${name}`), ...remove.map((name) => `-${name}`)];
  return `${objectOf(action)}: ${parts.length === 0 ? 'record corrected' : parts.join(' ')}`;
}

const DONE: Readonly<Record<Exclude<Action['type'], 'replaceCopy'>, string>> = {
  createCopy: ' created',
  updateCopy: ' updated',
  deleteCopy: ' removed',
  editReferences: '',
};

/** One line for the log: what was done. */
export const describeDone = (action: Action): string =>
  describeChange(action) +
  (action.type === 'replaceCopy'
    ? ` replaced (${action.why === 'type' ? 'its type was wrong' : 'it was immutable'})`
    : DONE[action.type]);

export const describeFailure = ({ action, error }: Failure): string => `${objectOf(action)}: ${messageOf(error)}`;

const objectOf = (action: Action): string =>
  action.type === 'editReferences' ? `ServiceAccount ${action.account.name}` : `copy ${action.name}`;
