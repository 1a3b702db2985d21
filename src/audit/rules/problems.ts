/** Turns the problems of plans into findings. */
import { noteOf } from '../../plan/problem.ts';
import type { Problem } from '../../plan/problem.ts';
import type { Facts } from '../facts/facts.ts';
import type { Hit } from './rule.ts';

export const problemsOf = ({ plans }: Facts): Problem[] => plans.flatMap(({ problems }) => problems);

export function hitOf(problem: Problem): Hit {
  const { kind, namespace, name } = problem.object;
  return namespace === undefined
    ? { object: { kind, name }, message: `${kind} "${name}": ${noteOf(problem)}` }
    : { object: { kind, namespace, name }, message: `${kind} "${name}" in ${namespace}: ${noteOf(problem)}` };
}
