/** Credentials that a registry refuses, or that end. */
import { quoteKey, redactKey } from '../../credentials/registry-name.ts';
import { oneLineOf } from '../words.ts';
import type { Facts } from '../facts.ts';
import type { Hit, Rule } from '../finding.ts';
import type { PullContent } from '../observation.ts';
import { day, plural } from '../words.ts';

const SOON_MS = 14 * 24 * 3600_000;

export const credentialRejected: Rule = {
  id: 'PP040', name: 'credential-rejected', severity: 'error', title: 'A registry refuses a credential',
  cause: "The credential was tried at its registry, and the registry or its token endpoint said no: it was revoked, has ended, or was mistyped. Every pull that needs it fails, as soon as the image is not on the node yet.",
  remedy: 'Put a working credential into the Secret of the source; Pullpass tries it and spreads it.',
  // What is held back was not spread: no pull uses it, and PP082 tells of it.
  check: ({ registries = [], heldBack = [] }) => registries.filter(({ source, state }) => state === 'refused' && !heldBack.some((each) => each.source === source)).map(({ source, key, why, since }): Hit => ({
    object: { kind: 'Source', name: source }, about: redactKey(key),
    message: `The registry refuses credential ${quoteKey(key)} of source "${source}"${since === undefined ? '' : ` since ${since}`}: ${oneLineOf(why)}`,
  })),
};

export const credentialExpiring: Rule = {
  id: 'PP041', name: 'credential-expiring', severity: 'warning', title: 'A credential is about to end',
  cause: 'The password or token is a JSON Web Token whose `exp` is less than 14 days away.',
  remedy: 'Get a new token and put it into the Secret; for a source Pullpass spreads it.',
  check: (facts) => endings(facts, (at) => at > facts.now && at <= facts.now + SOON_MS, (at) => `ends on ${day(at)}, in ${plural(Math.floor((at - facts.now) / 86_400_000), 'day')}`),
};

export const credentialExpired: Rule = {
  id: 'PP042', name: 'credential-expired', severity: 'error', title: 'A credential has ended',
  cause: 'The password or token is a JSON Web Token whose `exp` is over: registries refuse it.',
  remedy: 'Get a new token and put it into the Secret; for a source Pullpass spreads it.',
  check: (facts) => endings(facts, (at) => at <= facts.now, (at) => `ended on ${day(at)}`),
};

/** Once a content: the copies of a source are spoken of as the source. */
function endings(facts: Facts, applies: (at: number) => boolean, words: (at: number) => string): Hit[] {
  return contents(facts).flatMap(({ object, title, content }) => content.entries.flatMap(({ key, expiresAt }): Hit[] =>
    expiresAt === undefined || !applies(expiresAt) ? [] : [{ object, about: redactKey(key), message: `Credential ${quoteKey(key)} of ${title} ${words(expiresAt)}.` }]));
}

function contents({ sources, pullSecrets }: Facts): { object: Hit['object']; title: string; content: PullContent }[] {
  const found = new Map<string, { object: Hit['object']; title: string; content: PullContent; more: number }>();
  for (const { config, content } of sources) if (content !== undefined) found.set(content.id, { object: { kind: 'Source', name: config.name }, title: `source "${config.name}"`, content, more: 0 });
  for (const [key, secret] of pullSecrets) {
    if (secret.state !== 'read') continue;
    const known = found.get(secret.content.id);
    if (known !== undefined) known.more++;
    else {
      const [namespace = '', name = ''] = key.split('/');
      found.set(secret.content.id, { object: { kind: 'Secret', namespace, name }, title: `Secret "${name}" in ${namespace}`, content: secret.content, more: 0 });
    }
  }
  return [...found.values()].map(({ more, title, ...rest }) => ({ ...rest, title: more > 0 && rest.object.kind === 'Secret' ? `${title} and ${plural(more, 'Secret')} of the same content` : title }));
}
