/** What the table of rights says for one configuration: the RBAC printer and the start-up self-check both read it. */
import type { Configuration } from '../config/schema.ts';
import { inNamespaces } from './listed-rights.ts';
import { isSet, rowsOf, valueOf } from './references.ts';
import type { Row, Subject } from './references.ts';
import { REVIEWS, RIGHTS } from './rights-table.ts';
import type { Right, Verb } from './right.ts';
import type { Condition, Rule, Text } from './rule.ts';

export type { Right, Verb } from './right.ts';

/** `spec.resourceAttributes` of a SelfSubjectAccessReview, and the line to print when the answer is no. */
interface AccessCheck {
  verb: Verb;
  group: string;
  resource: string;
  namespace?: string;
  name?: string;
  /** What is refused, what it prevents, what to do. */
  description: string;
}

/** The controller whose rights are computed. */
export interface RightsOptions {
  /** Where the controller runs: its Lease lives there. */
  namespace: string;
  /** Whether the page /report is only for users whom the cluster's RBAC lets see it (`--secure-report`). */
  secureReport?: boolean | undefined;
  /** The namespaces of `--namespaces`: all rights are in namespaces; undefined: the whole cluster. */
  namespaces?: readonly string[] | undefined;
}

/** All rights that the controller uses for `configuration`, and no others. */
export function allRights(configuration: Configuration, controller: RightsOptions): Right[] {
  const rights = rightsInCluster(configuration, controller);
  const { namespaces: listed, namespace } = controller;
  if (listed === undefined) return rights;
  return inNamespaces(rights, {
    listed,
    // Events about sources and cache proxies are where the Secrets of sources are; about the brake, where the controller is.
    told: [namespace, ...configuration.sources.map(({ secret }) => secret.namespace)],
  });
}

/** The same without regard to a list of namespaces. */
export function rightsInCluster(configuration: Configuration, controller: RightsOptions): Right[] {
  return evaluate(RIGHTS, { ...configuration, controller } satisfies Subject);
}

/** Rights to the same verbs on objects of one kind in one place are one, with all names. In the order of the table. */
export function evaluate(rules: readonly Rule[], subject: object): Right[] {
  const rights = new Map<string, Right>();
  for (const rule of rules)
    for (const row of rowsOf(rule.lists, subject)) {
      const right = rightOf(rule, row);
      if (right === undefined) continue;
      const { namespace, apiGroup, resource, verbs, resourceNames } = right;
      const id = JSON.stringify([namespace, apiGroup, resource, verbs, resourceNames !== undefined]);
      const same = rights.get(id);
      rights.set(id, same === undefined ? right : both(same, right));
    }
  return [...rights.values()];
}

/** Undefined: the rule is not for this row. */
function rightOf({ when, verbs, why, ...texts }: Rule, row: Row): Right | undefined {
  if (!when.every((condition) => holds(condition, row))) return undefined;
  const [apiGroup, resource] = [read(texts.apiGroup, row), read(texts.resource, row)];
  const name = texts.name && read(texts.name, row);
  const namespace = texts.namespace && read(texts.namespace, row);
  if (apiGroup === undefined || resource === undefined) return undefined;
  if ((texts.name && name === undefined) || (texts.namespace && namespace === undefined)) return undefined;
  return {
    apiGroup,
    resource,
    verbs,
    ...(name !== undefined && { resourceNames: [name] }),
    ...(namespace !== undefined && { namespace }),
    why,
  };
}

function both(one: Right, other: Right): Right {
  return {
    ...one,
    ...(one.resourceNames && { resourceNames: sorted([...one.resourceNames, ...(other.resourceNames ?? [])]) }),
    why: one.why.split('; ').includes(other.why) ? one.why : `${one.why}; ${other.why}`,
  };
}

function holds(condition: Condition, row: Row): boolean {
  if (condition.in !== undefined) return condition.in.some((word) => word === valueOf(condition, row));
  return isSet(condition, row) !== (condition.not ?? false);
}

/** Undefined: the field is not there, or has no text in the map. */
function read(text: Text, row: Row): string | undefined {
  if ('is' in text) return text.is;
  const value = valueOf(text, row);
  if (typeof value !== 'string') return undefined;
  if (text.groupOf) return value.includes('/') ? value.split('/')[0] : '';
  return text.as === undefined ? value : text.as[value];
}

/** The same rights as questions for SelfSubjectAccessReviews, one per verb and name. `flags`: of `pullpass rbac`. */
export function accessChecks(rights: readonly Right[], flags = ''): AccessCheck[] {
  return rights.flatMap((right) =>
    right.verbs.flatMap((verb) =>
      (right.resourceNames ?? [undefined]).map((name) => accessCheck(right, verb, name, flags)),
    ),
  );
}

function accessCheck(
  { apiGroup: group, resource, namespace, why }: Right,
  verb: Verb,
  name: string | undefined,
  flags: string,
): AccessCheck {
  const what = name === undefined ? resource : `${resource} named "${name}"`;
  return {
    verb,
    group,
    resource,
    ...(namespace !== undefined && { namespace }),
    ...(name !== undefined && { name }),
    description:
      `cannot ${verb} ${what}${place(resource, namespace)}, needed to ${why}: ` +
      `apply the output of \`pullpass rbac${REVIEWS.includes(resource) ? ' --secure-report' : flags}\``,
  };
}

function place(resource: string, namespace: string | undefined): string {
  if (resource === 'namespaces' || REVIEWS.includes(resource)) return '';
  return namespace === undefined ? ' in all namespaces' : ` in namespace "${namespace}"`;
}

/** By code unit, each once: the order must not depend on the machine's locale. */
function sorted(values: Iterable<string>): string[] {
  return [...new Set(values)].sort();
}
