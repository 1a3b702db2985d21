/** Rule on pods whose pull Secrets have different logins for one image. */
import { normaliseKey, quoteKey } from '../../credentials/registry-name.ts';
import type { Facts } from '../facts/facts.ts';
import type { PickedKey } from '../facts/keys.ts';
import type { Workload } from '../observe/observation.ts';
import { agree, plural, quote, quoteList } from '../../text.ts';
import { ownerSteps } from './owners.ts';
import type { Hit, Rule } from './rule.ts';

export const podTwoLogins: Rule = {
  id: 'PP027',
  name: 'pod-two-logins',
  category: 'Pulls',
  severity: 'warning',
  title: 'Two pull Secrets of a pod have different logins for one image',
  cause:
    'Kubelets try every matching entry: the one with the longer path first, else in the order of imagePullSecrets. ' +
    'The second login is sent only after the first was refused. So a revoked first login costs a refused request at ' +
    'every pull, which can lock an account, and a revoked second one is noticed only when the first ends.',
  remedy: 'Keep one login for the registry: remove the other from its Secret, or that Secret from imagePullSecrets.',
  *check(facts) {
    const owners = yield* ownerSteps(facts.managed, (workload) => pairOf(facts, workload));
    return owners.flatMap(({ object, title, pods, about: [first, ...more] }): Hit[] => {
      if (first === undefined) return [];
      const [tried, other] = first.pair;
      return [
        {
          object,
          about: `${tried.secret} ${other.secret}`,
          message:
            `${title}: ${plural(pods, 'pod')} ${agree(pods, 'names', 'name')} Secrets ${quote(tried.secret)} and ` +
            `${quote(other.secret)}, which have different logins for ` +
            `${quoteList([first, ...more].map(({ image }) => image))}. Kubelets try ${quoteKey(tried.entry.key)} of ` +
            `${quote(tried.secret)} first, and ${quoteKey(other.entry.key)} of ${quote(other.secret)} only after it was ` +
            'refused: when the first is revoked, pulls go on with one refused request more; that the second was ' +
            'revoked, nobody sees before the first ends.',
        },
      ];
    });
  },
};

interface Pair {
  readonly image: string;
  readonly pair: readonly [first: PickedKey, other: PickedKey];
}

function pairOf({ keys, image, account }: Facts, workload: Workload): Pair | undefined {
  const { namespace, pullSecrets, serviceAccount, images } = workload;
  if (pullSecrets.length < 2) return undefined;
  const own = keys.of(namespace, pullSecrets);
  // A Secret that could not be read may be the first one; with a broken one, no pull is made at all.
  if (own.unseen.length > 0 || own.broken.length > 0) return undefined;
  const listed = new Set(account(namespace, serviceAccount)?.pullSecrets);
  for (const reference of images) {
    const name = image(reference)?.name;
    const [first, ...others] = name === undefined ? [] : own.picks(name);
    const other = others.find(({ secret, entry }) => secret !== first?.secret && entry.login !== first?.entry.login);
    if (first === undefined || other === undefined) continue;
    // The ServiceAccount has both under one key: told once, as of it, by credential-shadowed.
    if (
      listed.has(first.secret) &&
      listed.has(other.secret) &&
      normaliseKey(first.entry.key) === normaliseKey(other.entry.key)
    )
      continue;
    return { image: reference, pair: [first, other] };
  }
  return undefined;
}
