/** Something a plan cannot or will not do, and whom to tell. Becomes a Warning Event, a log line and a finding. */
import type { EventReason } from '../names.ts';
import { quote } from '../text.ts';

export interface ObjectRef {
  readonly kind: 'Namespace' | 'ServiceAccount' | 'Secret';
  readonly namespace?: string;
  readonly name: string;
  readonly uid?: string;
}

export interface Problem {
  readonly reason: EventReason;
  readonly object: ObjectRef;
  /** One line: what is wrong and what to do. Values that a tenant wrote are quoted and cut. */
  readonly note: string;
}

/** Problems of one object each that are told: a namespace can have thousands of ServiceAccounts. */
export const MAX_TOLD = 20;

/** The first few of the problems of a namespace's ServiceAccounts, and one on the namespace that stands for all others. */
export function firstFew(problems: readonly Problem[], namespace: ObjectRef): Problem[] {
  const [next] = problems.slice(MAX_TOLD);
  if (next === undefined) return [...problems];
  // Without a number: each new one would be news.
  return [
    ...problems.slice(0, MAX_TOLD),
    {
      reason: next.reason,
      object: namespace,
      note: `More than ${MAX_TOLD} ServiceAccounts have something wrong with them, ${quote(next.object.name)} for one: only the first ${MAX_TOLD} are told one by one.`,
    },
  ];
}
