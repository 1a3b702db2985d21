/** Rules on credentials that a registry refuses, or that expire. */
import { quoteKey, redactKey } from '../../credentials/registry-name.ts';
import type { Facts } from '../facts/facts.ts';
import type { Hit, Rule } from './rule.ts';
import { isEnding } from '../facts/expiry.ts';
import type { HeldIn } from '../facts/expiry.ts';
import type { AuditedSource, PullContent, PullEntry } from '../observe/observation.ts';
import { minute, fit, plural, sentence } from '../../text.ts';
import { secretOf, secretOfSource } from './remedies.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

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
  cause:
    'The password or token says when it ends (a JSON Web Token with `exp`, or a password of Amazon ECR); or, of a source, the ' +
    'annotation `pullpass.dev/expires-at` of its Secret does, or its `maxAge`; the earliest counts. Less than a ' +
    'quarter of its life is left, and less than 14 days. A Secret that is older than its token is renewed by ' +
    'something: there only the last twelfth counts. What OpenShift renews by itself is left out.',
  remedy: 'Get a new token and put it into the Secret; for a source Pullpass spreads it.',
  check: (facts) =>
    endings(
      facts,
      (entry, held) => held.renewedBy === undefined && isEnding(entry, held, facts.now),
      (at) => `ends on ${minute(at)}, in ${span(at - facts.now)}`,
    ),
};

export const credentialExpired: Rule = {
  id: 'PP042',
  name: 'credential-expired',
  category: 'Credentials',
  severity: 'error',
  title: 'A credential has ended',
  cause:
    'The password or token says when it ends (a JSON Web Token with `exp`, or a password of Amazon ECR); or, of a source, the ' +
    'annotation `pullpass.dev/expires-at` of its Secret does; and that is over: registries refuse it. Or a login is older than the ' +
    '`maxAge` of its source, and may work all the same. What OpenShift renews by itself counts only an hour later.',
  remedy: 'Get a new token and put it into the Secret; for a source Pullpass spreads it.',
  check: (facts) =>
    endings(
      facts,
      ({ expiresAt = Infinity }, { renewedBy }) => expiresAt + (renewedBy === undefined ? 0 : HOUR_MS) <= facts.now,
      (at) => `ended on ${minute(at)}`,
    ),
};

function span(ms: number): string {
  if (ms < 2 * HOUR_MS) return plural(Math.max(1, Math.round(ms / MINUTE_MS)), 'minute');
  return ms < DAY_MS ? plural(Math.round(ms / HOUR_MS), 'hour') : plural(Math.round(ms / DAY_MS), 'day');
}

const BY = {
  annotation: ', as the annotation of its Secret says',
  maxAge: ', by the maxAge of the source',
};

/** One hit per content and entry: copies are reported as their source. */
function endings(
  facts: Facts,
  applies: (entry: PullEntry, held: Held) => boolean,
  words: (at: number) => string,
): Hit[] {
  return contents(facts).flatMap((held) => {
    const { object, title, remedy, content } = held;
    return content.entries.flatMap((entry): Hit[] =>
      entry.expiresAt === undefined || !applies(entry, held)
        ? []
        : [
            {
              object,
              about: redactKey(entry.key),
              message: `Credential ${quoteKey(entry.key)} of ${title} ${words(entry.expiresAt)}${entry.endBy === undefined ? '' : BY[entry.endBy]}.`,
              remedy: remedy(entry),
            },
          ],
    );
  });
}

interface Held extends HeldIn {
  readonly object: Hit['object'];
  readonly title: string;
  readonly remedy: (entry: PullEntry) => string;
  readonly content: PullContent;
  readonly renewedBy?: 'OpenShift' | undefined;
}

function contents({ sources, pullSecrets }: Facts): Held[] {
  const found = new Map<string, Held>();
  for (const source of sources) {
    const { config, content, next, createdAt } = source;
    // What is in force, for pods pull with it, and then what the canaries have.
    for (const each of [content, next])
      if (each !== undefined && !found.has(each.id))
        found.set(each.id, {
          object: { kind: 'Source', name: config.name },
          title: `source "${config.name}"`,
          remedy: (entry) => remedyOf(source, entry),
          content: each === next ? without(each, content) : each,
          createdAt,
        });
  }
  const others = new Map<string, Other>();
  for (const [namespace, secrets] of pullSecrets)
    for (const [name, secret] of secrets) {
      if (secret.state !== 'read' || found.has(secret.content.id)) continue;
      const { content, createdAt, renewedBy } = secret;
      const id = `${content.id} ${renewedBy ?? ''}`;
      const known = others.get(id);
      if (known !== undefined) known.more++;
      else others.set(id, { namespace, name, content, createdAt, renewedBy, more: 0 });
    }
  return [...found.values(), ...[...others.values()].map(heldBy)];
}

interface Other extends Pick<Held, 'content' | 'createdAt' | 'renewedBy'> {
  readonly namespace: string;
  readonly name: string;
  /** How many more Secrets have the same content. */
  more: number;
}

function heldBy({ namespace, name, more, renewedBy, ...rest }: Other): Held {
  return {
    ...rest,
    renewedBy,
    object: { kind: 'Secret', namespace, name },
    title: `Secret "${name}" in ${namespace}${more > 0 ? ` and ${plural(more, 'Secret')} of the same content` : ''}`,
    remedy: () =>
      renewedBy === undefined
        ? `Get a new token and put it into Secret ${namespace}/${name}${more > 0 ? ', and into the others of the same content' : ''}.`
        : `${renewedBy} renews this Secret by itself, and did not: look at the log of openshift-controller-manager.`,
  };
}

/** The entries that differ from those of another content. */
const without = (content: PullContent, other: PullContent | undefined): PullContent => ({
  ...content,
  entries: content.entries.filter(
    ({ key, login }) => !(other?.entries ?? []).some((each) => each.key === key && each.login === login),
  ),
});

function remedyOf(source: AuditedSource, { key, login }: PullEntry): string {
  const newer = source.written?.entries.find((each) => each.key === key);
  return newer === undefined || newer.login === login
    ? `Get a new token and put it into ${secretOf(source)}; Pullpass spreads it.`
    : `${secretOf(source)} has another login for it, which is not in force: see why in the finding PP082 of ` +
        `source "${source.config.name}", or wait for its canaries.`;
}
