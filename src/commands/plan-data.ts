/** The documented shape of `pullpass plan -o json` and `-o yaml`. */
import { noteOf } from '../plan/problem.ts';
import { isComplete } from '../rotation/progress.ts';
import { actionsOf, pendingIn, staying } from './cluster-plan.ts';
import type { ClusterPlan } from './cluster-plan.ts';

export function planData(plan: ClusterPlan) {
  const stays = staying(plan);
  return {
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Plan',
    ...(plan.listed && { listed: plan.listed, absent: plan.absent }),
    ...(plan.only && { only: plan.only }),
    pending: pendingIn(plan).length,
    paused: plan.paused ?? false,
    ...(plan.held && { held: heldData(plan.held) }),
    sources: plan.sources,
    rotations: (plan.rotations ?? []).map(({ source, heldBack, copies, proxies }) => ({
      source,
      complete: isComplete({ heldBack, copies, proxies }),
      heldBack,
      copies,
      proxies,
    })),
    references: (plan.named ?? []).map(({ proxy, object, place, namespace, copyName, ours }) => ({
      cacheProxy: proxy,
      object,
      field: place,
      copy: { namespace, name: copyName },
      change: ours ? 'remove' : 'none',
    })),
    ...(plan.healing && { healing: { pods: plan.healing.rows, couldNotSee: plan.healing.gaps } }),
    namespaces: plan.namespaces.map((namespace) => ({
      namespace: namespace.namespace,
      sources: namespace.standings.map(({ source, copyName, choice, copy, accounts }) => ({
        source,
        copyName,
        optedIn: choice.in,
        why: choice.why,
        copy,
        serviceAccounts: accounts,
      })),
      changes: actionsOf(namespace).map((action) =>
        action.type === 'editReferences'
          ? { type: action.type, serviceAccount: action.account.name, add: action.edit.add, remove: action.edit.remove }
          : { type: action.type, copy: action.name, ...(stays(action) && { stays: true }) },
      ),
      ...(namespace.held && { held: namespace.held }),
      problems: namespace.problems.map((problem) => ({
        reason: problem.reason,
        object: `${problem.object.kind}/${problem.object.name}`,
        note: noteOf(problem),
      })),
    })),
  };
}

const heldData = ({ confirm, ...held }: NonNullable<ClusterPlan['held']>) => ({ ...held, confirmRemoval: confirm });
