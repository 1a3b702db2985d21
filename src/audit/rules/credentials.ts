/** Rules on credentials that a registry refuses, or that expire. */
import { quoteKey, redactKey } from '../../credentials/registry-name.ts';
import type { Facts } from '../facts/facts.ts';
import type { Hit, Rule } from './rule.ts';
import type { PullContent } from '../observe/observation.ts';
import { minute, fit, plural, sentence } from '../../text.ts';
import { secretOf, secretOfSource } from './remedies.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const SOON_MS = 14 * DAY_MS;

export const credentialRejected: Rule = {
  id: 'PP040',
  name: 'credential-rejected',
  category: 'Credentials',
  severity: 'error',
  title: 'A registry refuses a credential',
  cause:
    'The credential was tried at its registry, and the registry or its token endpoint said no: it was ' +
    'revoked, has ended, or was mistyped. Every pull that needs it fails, as soon as the image is not on ' +
    'the node yet.',
  remedy: 'Put a working credential into the Secret of the source; Pullpass tries it and spreads it.',
  check: (facts) =>
    (facts.registries ?? [])
      .filter(({ state }) => state === 'refused')
      .map(({ source, key, why, since }): Hit => ({
        object: { kind: 'Source', name: source },
        about: redactKey(key),
        message: `The registry refuses credential ${quoteKey(key)} of source "${source}"${since === undefined ? '' : ` since ${since}`}: ${sentence(fit(why))}`,
        remedy: `Put a working credential into ${secretOfSource(facts, source)}; Pullpass tries it and spreads it.`,
      })),
};

export const credentialExpiring: Rule = {
  id: 'PP041',
  name: 'credential-expiring',
  category: 'Credentials',
  severity: 'warning',
  title: 'A credential is about to end',
  cause: 'The password or token is a JSON Web Token whose `exp` is less than 14 days away.',
  remedy: 'Get a new token and put it into the Secret; for a source Pullpass spreads it.',
  check: (facts) =>
    endings(
      facts,
      (at) => at > facts.now && at <= facts.now + SOON_MS,
      (at) => `ends on ${minute(at)}, in ${remaining(at - facts.now)}`,
    ),
};

export const credentialExpired: Rule = {
  id: 'PP042',
  name: 'credential-expired',
  category: 'Credentials',
  severity: 'error',
  title: 'A credential has ended',
  cause: 'The password or token is a JSON Web Token whose `exp` is over: registries refuse it.',
  remedy: 'Get a new token and put it into the Secret; for a source Pullpass spreads it.',
  check: (facts) =>
    endings(
      facts,
      (at) => at <= facts.now,
      (at) => `ended on ${minute(at)}`,
    ),
};

function remaining(ms: number): string {
  return ms < DAY_MS ? plural(Math.max(1, Math.round(ms / HOUR_MS)), 'hour') : plural(Math.round(ms / DAY_MS), 'day');
}

/** One hit per content and entry: copies are reported as their source. */
function endings(facts: Facts, applies: (at: number) => boolean, words: (at: number) => string): Hit[] {
  return contents(facts).flatMap(({ object, title, remedy, content }) =>
    content.entries.flatMap(({ key, expiresAt }): Hit[] =>
      expiresAt === undefined || !applies(expiresAt)
        ? []
        : [
            {
              object,
              about: redactKey(key),
              message: `Credential ${quoteKey(key)} of ${title} ${words(expiresAt)}.`,
              remedy,
            },
          ],
    ),
  );
}

interface Held {
  readonly object: Hit['object'];
  readonly title: string;
  readonly remedy: string;
  readonly content: PullContent;
}

function contents({ sources, pullSecrets }: Facts): Held[] {
  const found = new Map<string, Held>();
  for (const source of sources) {
    const {
      config: { name },
      content,
    } = source;
    if (content !== undefined)
      found.set(content.id, {
        object: { kind: 'Source', name },
        title: `source "${name}"`,
        remedy: `Get a new token and put it into ${secretOf(source)}; Pullpass spreads it.`,
        content,
      });
  }
  const others = new Map<string, { namespace: string; name: string; content: PullContent; more: number }>();
  for (const [namespace, secrets] of pullSecrets)
    for (const [name, secret] of secrets) {
      if (secret.state !== 'read' || found.has(secret.content.id)) continue;
      const known = others.get(secret.content.id);
      if (known !== undefined) known.more++;
      else others.set(secret.content.id, { namespace, name, content: secret.content, more: 0 });
    }
  return [
    ...found.values(),
    ...[...others.values()].map(({ namespace, name, content, more }): Held => ({
      object: { kind: 'Secret', namespace, name },
      title: `Secret "${name}" in ${namespace}${more > 0 ? ` and ${plural(more, 'Secret')} of the same content` : ''}`,
      remedy: `Get a new token and put it into Secret ${namespace}/${name}${more > 0 ? ', and into the others of the same content' : ''}.`,
      content,
    })),
  ];
}
