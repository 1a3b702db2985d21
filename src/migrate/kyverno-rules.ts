/** The rules of a Kyverno policy, and the names that its mutations add to `imagePullSecrets`. */
import { parse } from 'yaml';
import { listOf, objectOf, stringOf, under } from './json.ts';
import type { Json } from './json.ts';
import type { SeenPolicy } from './observed.ts';

export const titleOf = ({ kind, namespace, name }: SeenPolicy): string =>
  `${kind} ${namespace === undefined ? name : `${namespace}/${name}`}`;

/** One for a policy of CEL, which has no rules. */
export function* rulesOf({ kind, spec }: SeenPolicy): Generator<Json> {
  const rules = listOf(objectOf(spec)['rules']);
  if (rules.length > 0) for (const rule of rules) yield objectOf(rule);
  else if (kind.endsWith('GeneratingPolicy') || kind.endsWith('MutatingPolicy')) yield objectOf(spec);
}

const NAMES = /^(?:[+=^]?\()?imagePullSecrets\)?$/;

export function isMutation(rule: Json): boolean {
  return JSON.stringify(rule['mutate'] ?? rule['mutations'] ?? '').includes('imagePullSecrets');
}

/** Names that a policy adds to `imagePullSecrets`. */
export function addedNames(policy: SeenPolicy, gaps: string[]): Set<string> {
  const names = new Set<string>();
  for (const rule of rulesOf(policy)) {
    if (!isMutation(rule)) continue;
    const mutate = rule['mutate'] ?? rule['mutations'];
    const found = [
      ...[...under(mutate, (key) => NAMES.test(key))].flatMap((list) =>
        listOf(list).map((entry) => stringOf(objectOf(entry)['name']) ?? ''),
      ),
      ...[...under(mutate, (key) => key === 'patchesJson6902')].flatMap(namesOfPatch),
      ...[...under(mutate, (key) => key === 'expression')].flatMap(namesOfCel),
    ].filter((name) => /^[-a-z0-9.]+$/.test(name));
    if (found.length === 0)
      gaps.push(`kyverno: ${titleOf(policy)} changes imagePullSecrets, and which name it adds could not be read`);
    for (const name of found) names.add(name);
  }
  return names;
}

/** JSON Patches, as YAML in a string. */
function namesOfPatch(text: unknown): string[] {
  let patches: unknown;
  try {
    patches = parse(stringOf(text) ?? '');
  } catch {
    return [];
  }
  return listOf(patches).flatMap((each) => {
    const { path, value } = objectOf(each);
    if (!(stringOf(path) ?? '').includes('/imagePullSecrets')) return [];
    return [...listOf(value), value].map((entry) => stringOf(objectOf(entry)['name']) ?? '');
  });
}

/** `{"name": "x"}` of a JSONPatch, or `Object.spec.imagePullSecrets{name: "x"}`. */
const namesOfCel = (text: unknown): string[] =>
  [...(stringOf(text) ?? '').matchAll(/["']?\bname["']?\s*:\s*["']([^"']+)["']/g)].map(([, name = '']) => name);
