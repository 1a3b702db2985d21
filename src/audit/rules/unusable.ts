/** Rule on pods with an entry for their image that has no usable login. */
import { quoteKey } from '../../credentials/registry-name.ts';
import { WHY_UNUSABLE } from '../../credentials/usable-login.ts';
import type { Facts } from '../facts/facts.ts';
import type { Hit, Rule } from './rule.ts';
import type { PickedKey } from '../facts/keys.ts';
import type { Workload } from '../observe/observation.ts';
import { agree, plural, quote, quoteList } from '../../text.ts';
import { ownerSteps } from './owners.ts';

export const loginUnusable: Rule = {
  id: 'PP026',
  name: 'login-unusable',
  category: 'Pulls',
  severity: 'warning',
  title: 'The only entry for an image has no usable login',
  cause:
    'A pull Secret has an entry for the registry of the image, but nothing in it that kubelets can send: ' +
    'an identity token, a login in a credential store, no password. They pull as if it were not there.',
  remedy: 'Put a username and a password or access token into the entry of that Secret.',
  *check(facts) {
    const owners = yield* ownerSteps(facts.managed, (workload) => uselessOf(facts, workload));
    return owners.map(({ object, title, pods, about }): Hit => {
      const [{ secret, entry } = { secret: '', entry: { key: '', unusable: 'no login' as const } }] = about.flatMap(
        ({ picks }) => picks,
      );
      const images = quoteList(about.flatMap((each) => each.images));
      return {
        object,
        about: entry.key,
        message:
          `${title}: ${plural(pods, 'pod')} ${agree(pods, 'has', 'have')} no login for ${images}: entry ` +
          `${quoteKey(entry.key)} of Secret ${quote(secret)} ${WHY_UNUSABLE[entry.unusable ?? 'no login']}.`,
        remedy: `Put a username and a password or access token into entry ${quoteKey(entry.key)} of Secret ${quote(secret)}, or into its source.`,
      };
    });
  },
};

function uselessOf(
  { keys, image }: Facts,
  { namespace, pullSecrets, images }: Workload,
): { readonly images: readonly string[]; readonly picks: readonly PickedKey[] } | undefined {
  const own = keys.of(namespace, pullSecrets);
  const found = images.flatMap((reference) => {
    const name = image(reference)?.name;
    if (name === undefined || own.unseen.length > 0 || own.picks(name).length > 0) return [];
    const picks = own.useless(name);
    return picks.length === 0 ? [] : [{ reference, picks }];
  });
  return found.length === 0
    ? undefined
    : { images: found.map(({ reference }) => reference), picks: found.flatMap(({ picks }) => picks) };
}
