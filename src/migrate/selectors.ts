/** Label selectors of other tools as the configuration has them, where they say the same. */
import { labelSelector } from '../config/label-selector.ts';
import type { LabelSelector } from '../config/label-selector.ts';

/** Why namespaces are named instead. */
export const UNCLEAR = 'a label selector that could not be read for sure says where copies go';

const KEY = String.raw`[-\w./]{1,317}`;
const VALUE = String.raw`[-\w.]{1,63}`;
/** One requirement with what ends it. Every parser of these takes these forms, and each takes others that the next one does not. */
const REQUIREMENT = new RegExp(
  String.raw`\s*(?:(?<absent>!)\s*)?(?<key>${KEY})(?:\s*(?<is>==?|!=)\s*(?<value>${VALUE})|` +
    String.raw`\s+(?<one>in|notin)\s+\((?<values>\s*${VALUE}\s*(?:,\s*${VALUE}\s*)*)\))?\s*(?<more>,|$)`,
  'y',
);

/** All of these texts, such as `env=prod,tier notin (a,b)`, must hold. undefined: not surely understood. */
export function selectorOf(texts: readonly string[]): LabelSelector | undefined {
  const requirements = texts.map(requirementsIn);
  if (!requirements.every((each) => each !== undefined)) return undefined;
  const unique = new Map(requirements.flat().map((each) => [JSON.stringify(each), each]));
  const equal = [...unique.values()].filter(({ equals }) => equals !== undefined);
  const matchLabels = Object.fromEntries(equal.map(({ key, equals }) => [key, equals]));
  // Of two values for one label, Kubernetes takes none, and reflector the last.
  if (Object.keys(matchLabels).length < equal.length) return undefined;
  const matchExpressions = [...unique.values()].filter(({ equals }) => equals === undefined);
  return knownSelector({
    ...(equal.length > 0 && { matchLabels }),
    ...(matchExpressions.length > 0 && { matchExpressions }),
  });
}

/** As an object. undefined: not one of Kubernetes, such as one with wildcards. */
export const knownSelector = (selector: unknown): LabelSelector | undefined => labelSelector.safeParse(selector).data;

interface Read {
  readonly key: string;
  readonly equals?: string;
  readonly operator?: string;
  readonly values?: readonly string[];
}

function requirementsIn(text: string): Read[] | undefined {
  const found: Read[] = [];
  for (let at = 0; ;) {
    REQUIREMENT.lastIndex = at;
    const { absent, key = '', is, value = '', one, values = '', more } = REQUIREMENT.exec(text)?.groups ?? {};
    if (key === '' || (absent !== undefined && (is ?? one) !== undefined)) return undefined;
    found.push(
      is === '!='
        ? { key, operator: 'NotIn', values: [value] }
        : is !== undefined
          ? { key, equals: value }
          : one !== undefined
            ? { key, operator: one === 'in' ? 'In' : 'NotIn', values: values.split(',').map((each) => each.trim()) }
            : { key, operator: absent === undefined ? 'Exists' : 'DoesNotExist' },
    );
    if (more !== ',') return found;
    at = REQUIREMENT.lastIndex;
  }
}
