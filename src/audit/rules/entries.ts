/** Rules on entries that no pull uses, because no image needs them or because another entry comes first. */
import { misnamedDockerHub, normaliseKey, quoteKey, redactKey, whyMisnamed } from '../../credentials/registry-name.ts';
import { stepwise } from '../../async/steps.ts';
import type { Steps } from '../../async/steps.ts';
import type { Facts } from '../facts/facts.ts';
import type { Hit, Rule } from './rule.ts';
import type { AuditedSource, PullEntry } from '../observe/observation.ts';
import { HUB_DEFAULT } from '../facts/used-entries.ts';
import { plural, quote } from '../../text.ts';
import { secretOf } from './remedies.ts';

/** An image of Docker Hub that no key with a path matches. */
const ANY_HUB_IMAGE = 'docker.io/-';

export const credentialUnused: Rule = {
  id: 'PP043',
  name: 'credential-unused',
  category: 'Credentials',
  severity: 'info',
  title: 'A credential that no image needs',
  cause:
    'No image of any pod matches the registry key of the source, and no cache proxy is configured for it. A credential that nobody needs can only leak.',
  remedy: 'If nobody pulls there any more, remove the entry from the Secret of the source and revoke the credential.',
  check: (facts) =>
    facts.sources.flatMap((source) => {
      const used = facts.usedEntries.get(source);
      return used === undefined
        ? []
        : (source.content?.entries ?? [])
            // An entry that the Secret no longer has is told by PP082, with how to let it go.
            .filter(({ key }) => source.written?.entries.some((entry) => entry.key === key))
            .filter((entry) => !used.has(entry) && !isToldMisnamed(source, entry))
            .map(({ key }): Hit => ({
              object: { kind: 'Source', name: source.config.name },
              about: redactKey(key),
              message: `No image of any pod needs credential ${quoteKey(key)} of source "${source.config.name}".`,
              remedy: `If nobody pulls there any more, remove the entry from ${secretOf(source)} and revoke the credential.`,
            }));
    }),
};

export const credentialShadowed: Rule = {
  id: 'PP044',
  name: 'credential-shadowed',
  category: 'Credentials',
  severity: 'warning',
  title: 'A credential stands behind another one',
  cause:
    'Kubelets try matching entries in order, and two with different logins are for the same registry: ' +
    'the second is tried only after the first was refused. For Docker Hub, https://index.docker.io/v1/ ' +
    'is not used at all where a key docker.io matches.',
  remedy: 'Keep one login a registry: remove the other from its Secret, or the Secret from imagePullSecrets.',
  *check(facts) {
    return [...withinSources(facts), ...(yield* betweenSteps(facts))];
  },
};

interface Placed {
  readonly secret: string;
  readonly entry: PullEntry;
}

function withinSources({ sources, keys }: Facts): Hit[] {
  return sources.flatMap(({ config, content }) => {
    if (content === undefined) return [];
    const [first] = keys.ofContent(config.copyName, content).picks(ANY_HUB_IMAGE);
    return content.entries
      .filter(
        (entry) =>
          isDefault(entry) && first !== undefined && !isDefault(first.entry) && first.entry.login !== entry.login,
      )
      .map((entry): Hit => ({
        object: { kind: 'Source', name: config.name },
        about: redactKey(entry.key),
        message:
          `Credential ${quoteKey(entry.key)} of source "${config.name}" is never used: ` +
          `${quoteKey(first?.entry.key ?? '')} comes first, with another login.`,
      }));
  });
}

/** One hit per pair of Secrets and key, however many ServiceAccounts have both. */
function* betweenSteps({ scopes, pullSecrets }: Facts): Steps<Hit[]> {
  const found = new Map<string, { hit: Hit; accounts: number }>();
  yield* stepwise(scopes, 500, ({ namespace, serviceAccounts }) => {
    // No pull Secret of this namespace is known, however many it names.
    const here = pullSecrets.get(namespace.name);
    if (here === undefined) return;
    for (const { name, pullSecrets: names = [] } of serviceAccounts) {
      const firsts = new Map<string, Placed>();
      for (const secret of new Set(names)) {
        const seen = here.get(secret);
        for (const entry of seen?.state === 'read' ? seen.content.entries : []) {
          const normal = normaliseKey(entry.key);
          if (normal === undefined) continue;
          const first = firsts.get(normal);
          if (first === undefined) firsts.set(normal, { secret, entry });
          if (first === undefined || first.secret === secret || first.entry.login === entry.login) continue;
          const id = `${first.secret} ${secret} ${normal}`;
          const known = found.get(id);
          if (known !== undefined) known.accounts++;
          else
            found.set(id, {
              accounts: 1,
              hit: {
                object: { kind: 'ServiceAccount', namespace: namespace.name, name },
                about: `${secret} ${redactKey(entry.key)}`,
                message:
                  `ServiceAccount "${name}" in ${namespace.name} pulls with Secret ${quote(first.secret)} before ` +
                  `${quote(secret)}, and they have different logins for ${quoteKey(entry.key)}: the second is tried ` +
                  'only after the first was refused.',
              },
            });
        }
      }
    }
  });
  return [...found.values()].map(({ hit, accounts }) =>
    accounts === 1
      ? hit
      : { ...hit, message: `${hit.message} The same goes for ${plural(accounts - 1, 'other ServiceAccount')}.` },
  );
}

/** Probably needed, but under another key: PP084 says which. To revoke it would be wrong. */
const isToldMisnamed = ({ content }: AuditedSource, { key }: PullEntry): boolean =>
  misnamedDockerHub(key) !== undefined &&
  (content?.warnings ?? []).includes(`registry ${quoteKey(key)}: ${whyMisnamed(key)}`);

const isDefault = ({ key }: PullEntry): boolean => normaliseKey(key) === HUB_DEFAULT;
