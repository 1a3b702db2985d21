/** Logins out of a Docker config for `pullpass login --from-docker-config`: those that kubelets can use. Pure. */
import type { Credential } from '../credentials/docker-config.ts';
import { guessForm, parseDockerConfig } from '../credentials/docker-config.ts';
import { findEntry, quoteKey } from '../credentials/registry-name.ts';
import { WHY_CONTRADICTORY, WHY_UNUSABLE } from '../credentials/usable-login.ts';
import { UserError } from '../errors.ts';
import { some } from '../text.ts';

/** `docker login` keeps tokens of its own under these keys, next to the login for Docker Hub. */
const OWN_TOKENS = /^https:\/\/index\.docker\.io\/v1\/(?:access|refresh)-token$/;

/**
 * `registry`: only the entry for it. `leftOut`: a line for each entry without a usable login. Throws UserError if nothing can be
 * taken, or the entry asked for cannot.
 */
export function loginsOf(
  text: string,
  file: string,
  registry: string | undefined,
): { logins: Credential[]; leftOut: string[] } {
  const parsed = parseDockerConfig(text, guessForm(text));
  if (!parsed.ok) throw new UserError(`login: ${file}: ${parsed.problems.join('; ')}`);
  const all = parsed.credentials.filter(({ key }) => !OWN_TOKENS.test(key));
  const asked = registry === undefined ? undefined : findEntry(all, registry);
  if (registry !== undefined && asked === undefined)
    throw new UserError(
      `login: ${file}: has no entry for ${quoteKey(registry)}; it has ${
        some(
          all.map(({ key }) => quoteKey(key)),
          10,
        ) || 'none'
      }`,
    );
  const considered = asked === undefined ? all : [asked];
  const logins = considered.filter((entry) => why(entry) === undefined);
  const leftOut = considered.flatMap((entry) => {
    const reason = why(entry);
    return reason === undefined ? [] : [`registry ${quoteKey(entry.key)}: ${reason}`];
  });
  if (logins.length === 0) throw new UserError(`login: ${file}: ${leftOut.join('; ') || 'has no login'}`);
  return { logins, leftOut };
}

function why({ unusable, contradictory }: Credential): string | undefined {
  return unusable !== undefined ? WHY_UNUSABLE[unusable] : contradictory ? WHY_CONTRADICTORY : undefined;
}
