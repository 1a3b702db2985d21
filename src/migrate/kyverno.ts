/**
 * Kyverno: policies that generate a Secret in each namespace (a clone, mostly), and policies that add `imagePullSecrets` to pods and to
 * templates. Kyverno itself stays. With `synchronize`, deleting the policy deletes what it generated, so that is the stop and the removal
 * in one. What a mutation wrote into a template stays there for ever.
 */
import { plural, quoteList } from '../text.ts';
import type { Found, Origin, Place, Spread } from './model.ts';
import { command, NO_PART } from './model.ts';
import { at } from './observed.ts';
import type { Seen, SeenPolicy, SeenSecret } from './observed.ts';
import { countCopies, noTrace } from './tool-workloads.ts';
import { copyOf } from './make-source.ts';
import { objectOf, stringOf } from './json.ts';
import { reachOf } from './kyverno-reach.ts';
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
