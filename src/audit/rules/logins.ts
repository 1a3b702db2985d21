/** Rules on logins by where they are and whose they are: in several Secrets, and of a person. */
import { quoteKey, redactKey, registryHost } from '../../credentials/registry-name.ts';
import type { Personal } from '../../credentials/personal-login.ts';
import { placesOf } from '../facts/places.ts';
import type { Place } from '../facts/places.ts';
import type { PullEntry } from '../observe/observation.ts';
import { agree, plural, quote, some } from '../../text.ts';
import { secretOfSource } from './remedies.ts';
import { stepwise } from '../../async/steps.ts';
import type { Steps } from '../../async/steps.ts';
import type { Facts } from '../facts/facts.ts';
import type { Hit, Rule } from './rule.ts';

const SHOWN = 10;

export const personalAccount: Rule = {
  id: 'PP045',
  name: 'personal-account',
  category: 'Credentials',
  severity: 'info',
  title: 'A pull login that belongs to a user account',
  cause:
    'The login is that of a user of the registry, not of a robot or an organization: its user name is an e-mail ' +
    'address, or its password is a token that the registry makes for users only. When that person leaves, or ends the ' +
    'token, pulls fail; and it may do more than pull. Where nothing shows whose a login is, nothing is said.',
  remedy:
    'Use a robot or service account, or an access token of the organization, that may only pull. If the account is one for machines, this is as it should be.',
  *check(facts) {
    const logins = yield* loginSteps(facts);
    return logins.flatMap(({ entry, places: [first, ...more] }): Hit[] =>
      first === undefined || entry.personal === undefined
        ? []
        : [
            {
              object: objectOf(first),
              about: redactKey(entry.key),
              message:
                `Credential ${quoteKey(entry.key)} of ${titleOf(first)} ${HOW[entry.personal]}` +
                (more.length === 0
                  ? '.'
                  : `; ${plural(more.length, 'other Secret')} ${agree(more.length, 'has', 'have')} it too.`),
            },
          ],
    );
  },
};

const HOW: Readonly<Record<Personal, string>> = {
  'e-mail address': 'is of a user account: its user name is an e-mail address',
  'Docker Hub token': 'is of a user account: its password begins as a personal access token of Docker Hub',
  'GitHub token': 'is of a user account: its password begins as a personal token of GitHub',
};

export const loginInManyPlaces: Rule = {
  id: 'PP046',
  name: 'login-in-many-places',
  category: 'Credentials',
  severity: 'warning',
  title: 'One login is in several Secrets that Pullpass does not manage',
  cause:
    'Several Secrets have the same user name and password for one registry, besides the copies of Pullpass: a rotation ' +
    'must change each of them by hand, and one that is forgotten fails when the old login is revoked.',
  remedy:
    'Put the login into one source and opt the namespaces in; then delete the other Secrets, and remove their names from imagePullSecrets.',
  *check(facts) {
    const logins = yield* loginSteps(facts);
    return logins.flatMap(({ entry, places }): Hit[] => {
      const [source] = places.filter((place) => place.source !== undefined);
      const secrets = places.filter((place) => place.source === undefined);
      const [first] = places;
      if (first === undefined || secrets.length < (source === undefined ? 2 : 1)) return [];
      const list = some(
        secrets.map(({ namespace, name }) => `${namespace}/${name}`),
        SHOWN,
      );
      const many = plural(secrets.length, 'Secret');
      return [
        {
          object: objectOf(first),
          about: registryHost(redactKey(entry.key)),
          ...(source?.source === undefined
            ? {
                message: `${many} have the same login for ${quoteKey(entry.key)}: ${list}.`,
                ...(!facts.configured && { remedy: 'Change the login in each of them before the old one is revoked.' }),
              }
            : {
                message:
                  `The login of source "${source.source}" for ${quoteKey(entry.key)} is also in ${many} that Pullpass ` +
                  `does not manage: ${list}. A rotation of ${secretOfSource(facts, source.source)} does not reach ` +
                  `${agree(secrets.length, 'it', 'them')}.`,
                remedy:
                  `Opt the namespaces in to source "${source.source}", then delete ${agree(secrets.length, 'this Secret', 'these Secrets')} ` +
                  'and remove the name from imagePullSecrets. Until then change it by hand before the old login is revoked.',
              }),
        },
      ];
    });
  },
};

interface PlacedLogin {
  /** Of the first place. */
  readonly entry: PullEntry;
  /** Sources first. */
  readonly places: readonly Place[];
}

/** One item per host and usable login, with each place once. */
function* loginSteps(facts: Facts): Steps<PlacedLogin[]> {
  const found = new Map<string, { entry: PullEntry; places: Set<Place> }>();
  yield* stepwise(placesOf(facts), 500, (place) => {
    for (const entry of place.content.entries) {
      if (entry.unusable !== undefined) continue;
      const id = `${registryHost(entry.key)} ${entry.login}`;
      const known = found.get(id);
      if (known === undefined) found.set(id, { entry, places: new Set([place]) });
      else known.places.add(place);
    }
  });
  return [...found.values()].map(({ entry, places }) => ({ entry, places: [...places] }));
}

const objectOf = ({ source, namespace, name }: Place): Hit['object'] =>
  source === undefined ? { kind: 'Secret', namespace, name } : { kind: 'Source', name: source };

const titleOf = ({ source, namespace, name }: Place): string =>
  source === undefined ? `Secret ${quote(name)} in ${namespace}` : `source "${source}"`;
