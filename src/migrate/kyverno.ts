/**
 * Kyverno: policies that generate a Secret in each namespace (a clone, mostly), and policies that add `imagePullSecrets` to pods and to
 * templates. Kyverno itself stays. With `synchronize`, deleting the policy deletes what it generated, so that is the stop and the removal
 * in one. What a mutation wrote into a template stays there for ever.
 */
import type { LabelSelector } from '../config/label-selector.ts';
import { plural, quoteList } from '../text.ts';
import type { Found, Origin, Place, Reach, Spread } from './model.ts';
import { command, NO_PART } from './model.ts';
import { sameGlob } from './patterns.ts';
import { knownSelector } from './selectors.ts';
import { at } from './observed.ts';
import type { Seen, SeenPolicy, SeenSecret } from './observed.ts';
import { countCopies, noTrace } from './tool-workloads.ts';
import { copyOf } from './make-source.ts';
import { listOf, objectOf, stringOf } from './json.ts';
import { addedNames, isMutation, rulesOf, titleOf } from './kyverno-rules.ts';
import type { Json } from './json.ts';

const MANAGED = 'app.kubernetes.io/managed-by';
const POLICY = 'generate.kyverno.io/policy-name';
const RULE = 'generate.kyverno.io/rule-name';

export function readKyverno(seen: Seen): Found {
  const gaps: string[] = [];
  const notes: string[] = [];
  const spreads: Spread[] = [];
  const generating = new Set<SeenPolicy>();
  const mutating = new Map<SeenPolicy, Set<string>>();
  for (const policy of seen.policies) {
    const added = addedNames(policy, gaps);
    if (added.size > 0) mutating.set(policy, added);
    for (const rule of generateRules(policy)) {
      const copies = copiesOf(seen, policy, rule);
      if (copies.length === 0) {
        notes.push(`kyverno: ${titleOf(policy)} generates Secrets, and no pull Secret of it was seen: it is left out`);
        continue;
      }
      generating.add(policy);
      for (const [name, of] of Map.groupBy(copies, (copy) => copy.name))
        spreads.push({
          tool: 'kyverno',
          origin: originOf(seen, rule, name, of),
          copies: of.map((copy) => ({ namespace: copy.namespace, name: copy.name })),
          reach: reachOf(rule.match, rule.exclude, rule.isPlain, (why) =>
            notes.push(`kyverno: ${titleOf(policy)}: ${why}: namespaces that have a copy now are named one by one`),
          ),
          accounts: undefined,
        });
    }
  }
  const labelled = seen.secrets.filter(({ labels }) => labels[POLICY] !== undefined && labels[MANAGED] === 'kyverno');
  const known = new Set(spreads.flatMap(({ copies }) => copies.map(at)));
  const orphans = labelled.filter((secret) => !known.has(at(secret)));
  if (orphans.length > 0)
    gaps.push(
      `kyverno: ${plural(orphans.length, 'pull Secret')}, such as ${at(orphans[0] ?? { namespace: '', name: '' })}, of a policy that was not seen: ` +
        quoteList(orphans.map(({ labels }) => labels[POLICY] ?? '')),
    );
  const spreadNames = new Set(spreads.flatMap(({ copies }) => copies.map(({ name }) => name)));
  for (const [policy, names] of mutating) {
    const strange = [...names].filter((name) => !spreadNames.has(name));
    if (strange.length > 0)
      notes.push(
        `kyverno: ${titleOf(policy)} adds ${quoteList(strange)}, which no policy generates: look below whether another tool, or people, keep it`,
      );
  }
  const traces = [
    ...[...generating].map((policy) => `${titleOf(policy)}: copies in ${countCopies(copiesOfAll(seen, policy))}`),
    ...[...mutating].map(
      ([policy, names]) => `${titleOf(policy)}: adds ${[...names].join(', ')} to pods and templates`,
    ),
  ];
  if (traces.length === 0) return noTrace('kyverno', gaps, notes);
  const mutators = [...mutating.keys()];
  const generators = [...generating].filter((policy) => !mutating.has(policy));
  const both = [...generating].filter((policy) => mutating.has(policy));
  if (both.length > 0)
    gaps.push(
      `kyverno: ${both.map(titleOf).join(', ')} generates and mutates: split it into two first, because the mutation must go long before the copies`,
    );
  return {
    tool: 'kyverno',
    seen: traces,
    spreads,
    notes,
    gaps,
    ...(mutators.length > 0 && {
      adds: new Set([...mutating.values()].flatMap((names) => [...names])),
      unmutate: {
        why: [
          'Copies and references are there, so new pods need no mutation any more. While the policy is there, it adds its name again at each change.',
          ...whyMore(mutators, (policy) => [...rulesOf(policy)].some((rule) => !isMutation(rule))),
        ],
        commands: mutators.filter((policy) => !both.includes(policy)).map(deletion),
      },
    }),
    stop:
      generating.size === 0
        ? NO_PART
        : {
            why: [
              'Kyverno stays; its policy goes. One with synchronize takes its copies with it, so it goes only now;',
              'and it makes a copy anew that is deleted before it, so it goes first.',
              'If GitOps keeps the policy, delete it there.',
              ...whyMore([...generating], (policy) => generateRules(policy).length < [...rulesOf(policy)].length),
            ],
            commands: [...generators, ...both].map(deletion),
          },
    rest: NO_PART,
  };
}

const whyMore = (policies: readonly SeenPolicy[], hasMore: (policy: SeenPolicy) => boolean): string[] =>
  policies
    .filter(hasMore)
    .map(
      (policy) =>
        `${titleOf(policy)} has other rules, too: take only this rule out of it, instead of the command below.`,
    );

const deletion = ({ resource, namespace, name }: SeenPolicy): string =>
  command('kubectl', ...(namespace === undefined ? [] : ['-n', namespace]), 'delete', resource, name);

interface GenerateRule {
  readonly name: string | undefined;
  readonly secretName: string | undefined;
  readonly clone: Place | undefined;
  readonly match: Json;
  readonly exclude: Json;
  /** Nothing else than `match` and `exclude` decides where it applies. */
  readonly isPlain: boolean;
}

/** Rules that generate a Secret, by YAML or by CEL. */
function generateRules(policy: SeenPolicy): GenerateRule[] {
  return [...rulesOf(policy)].flatMap((rule): GenerateRule[] => {
    if (Array.isArray(rule['generate'])) {
      const text = JSON.stringify(rule);
      const [, namespace, name] =
        /[Gg]et\(\s*\\"v1\\"\s*,\s*\\"secrets\\"\s*,\s*\\"([^"\\]+)\\"\s*,\s*\\"([^"\\]+)\\"/.exec(text) ?? [];
      const clone = namespace === undefined || name === undefined ? undefined : { namespace, name };
      return /secret/i.test(text)
        ? [{ name: undefined, secretName: name, clone, match: {}, exclude: {}, isPlain: false }]
        : [];
    }
    const generate = objectOf(rule['generate']);
    const cloned = objectOf(generate['clone']);
    const isSecret =
      generate['kind'] === 'Secret' ||
      JSON.stringify(generate['cloneList'] ?? '').includes('Secret') ||
      JSON.stringify(generate['foreach'] ?? '').includes('Secret');
    if (!isSecret) return [];
    const [namespace, name] = [stringOf(cloned['namespace']), stringOf(cloned['name'])];
    return [
      {
        name: stringOf(rule['name']),
        secretName: stringOf(generate['name']),
        clone:
          namespace === undefined || name === undefined || `${namespace}${name}`.includes('{{')
            ? undefined
            : { namespace, name },
        match: objectOf(rule['match']),
        exclude: objectOf(rule['exclude']),
        isPlain:
          rule['preconditions'] === undefined &&
          rule['celPreconditions'] === undefined &&
          generate['foreach'] === undefined,
      },
    ];
  });
}

/** By the labels of Kyverno 1.10 and later; older ones have no name of a policy in these. */
function copiesOf({ secrets }: Seen, policy: SeenPolicy, rule: GenerateRule): SeenSecret[] {
  return secrets.filter(({ name, namespace, labels }) => {
    if (rule.clone !== undefined && namespace === rule.clone.namespace && name === rule.clone.name) return false;
    if (labels[POLICY] !== undefined)
      return (
        labels[POLICY] === policy.name &&
        (rule.name === undefined || labels[RULE] === undefined || labels[RULE] === rule.name)
      );
    return labels[MANAGED] === 'kyverno' && name === rule.secretName;
  });
}

const copiesOfAll = (seen: Seen, policy: SeenPolicy): SeenSecret[] =>
  generateRules(policy).flatMap((rule) => copiesOf(seen, policy, rule));

function originOf({ secrets }: Seen, { clone }: GenerateRule, name: string, copies: readonly SeenSecret[]): Origin {
  if (clone !== undefined && secrets.some((secret) => at(secret) === at(clone))) return { secret: clone };
  return copyOf(
    copies,
    clone === undefined
      ? `no single Secret is the source of ${name}: the policy holds it, or names it by an expression`
      : `Secret ${at(clone)} is not there, or is no pull Secret`,
  );
}

/** `match` of any number of forms: names and labels of namespaces are understood, all else is not. */
function reachOf(match: Json, exclude: Json, isPlain: boolean, cannot: (why: string) => void): Reach {
  const [into, out] = [filtersOf(match), filtersOf(exclude)];
  const [first, ...others] = into ?? [];
  if (!isPlain || first === undefined || out === undefined || out.some((each) => each.names.length === 0)) {
    cannot('more than names and labels of namespaces says where it applies');
    return { allow: undefined, deny: [] };
  }
  // Alternatives are "or", and the selector of a source is "and". What is excluded is too.
  if (out.some(({ labels }) => labels !== undefined) || (into?.some(({ labels }) => labels) && others.length > 0)) {
    cannot('labels of namespaces are one of several conditions');
    return { allow: undefined, deny: [] };
  }
  return {
    allow: into?.some(({ names }) => names.length === 0) ? ['*'] : (into ?? []).flatMap(({ names }) => names),
    deny: out.flatMap(({ names }) => names),
    ...(first.labels !== undefined && { selector: first.labels }),
  };
}

interface Filter {
  /** Globs; empty: all. */
  readonly names: readonly string[];
  readonly labels: LabelSelector | undefined;
}

/** One for each alternative. undefined: something else counts, too. */
function filtersOf(part: Json): Filter[] | undefined {
  const all = listOf(part['all']);
  const filters =
    part['any'] !== undefined
      ? listOf(part['any'])
      : all.length > 0
        ? all
        : part['resources'] !== undefined
          ? [part]
          : [];
  if (all.length > 1) return undefined;
  const read = filters.map((filter): Filter | undefined => {
    const { resources, ...others } = objectOf(filter);
    // Not `namespaceSelector`: Kyverno never applies a rule with it to a Namespace.
    const { kinds, names, name, namespaces, operations, selector, ...more } = objectOf(resources);
    const isNamespaces = listOf(kinds).every((kind) => kind === 'Namespace' || kind === 'v1/Namespace');
    // Of these lists, each must have it.
    const lists = [listOf(names), listOf(namespaces), name === undefined ? [] : [name]].filter(
      ({ length }) => length > 0,
    );
    const labels = knownSelector(selector);
    if (
      !isNamespaces ||
      lists.length > 1 ||
      (selector !== undefined && labels === undefined) ||
      Object.keys(others).length > 0 ||
      Object.keys(more).length > 0 ||
      (operations !== undefined && !listOf(operations).includes('CREATE'))
    )
      return undefined;
    const patterns = lists.flat();
    const globs = patterns.flatMap((pattern) => sameGlob(stringOf(pattern) ?? '') ?? []);
    return globs.length === patterns.length ? { names: globs, labels } : undefined;
  });
  return read.every((filter) => filter !== undefined) ? read : undefined;
}
