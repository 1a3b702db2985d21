/** Entries that no pull uses, because no image asks for them or because another entry comes first. */
import { findEntry, normaliseKey, quoteKey, redactKey } from '../../credentials/registry-name.ts';
import { quote } from '../../plan/problem.ts';
import type { Facts } from '../facts.ts';
import type { Hit, Rule } from '../finding.ts';
import { secretKey } from '../observation.ts';
import type { AuditedSource, PullEntry } from '../observation.ts';
import { plural } from '../words.ts';
import { secretOf } from './remedies.ts';

const HUB_DEFAULT = 'index.docker.io';
/** No key with a path matches it. */
const ANY_HUB_IMAGE = 'docker.io/-';

export const credentialUnused: Rule = {
  id: 'PP043', name: 'credential-unused', severity: 'info', title: 'A credential that no image needs',
  cause: 'No image of any pod matches the registry key of the source, and no cache proxy is configured for it. A credential that nobody needs can only leak.',
  remedy: 'If nobody pulls there any more, remove the entry from the Secret of the source and revoke the credential.',
  check: (facts) => facts.sources.flatMap((source) => {
    const used = usedEntries(facts, source);
    return used === undefined ? [] : (source.content?.entries ?? []).filter((entry) => !used.has(entry)).map(({ key }): Hit => ({
      object: { kind: 'Source', name: source.config.name }, about: redactKey(key),
      message: `No image of any pod needs credential ${quoteKey(key)} of source "${source.config.name}".`,
      remedy: `If nobody pulls there any more, remove the entry from ${secretOf(source)} and revoke the credential.`,
    }));
  }),
};

/** Entries that match an image of some pod, or are there for mirrors and cache proxies. undefined: it cannot be told. */
export function usedEntries({ podsSeen, only, workloads, keys, image, proxies = [] }: Facts, { config, content }: AuditedSource): ReadonlySet<PullEntry> | undefined {
  if (!podsSeen || only !== undefined || workloads.length === 0 || content === undefined) return undefined;
  const names = new Set(workloads.flatMap(({ images }) => images.flatMap((reference) => image(reference)?.name ?? [])));
  const forwarded = new Set(proxies.filter(({ source }) => source === config.name).map(({ registry }) => findEntry(content.entries, registry)));
  const aliases = new Set(config.aliases.map(({ host }) => host));
  return new Set(content.entries.filter((entry, i) => {
    if (aliases.has(entry.key) || forwarded.has(entry)) return true;
    // Alone: whether another entry comes before it is another question.
    const alone = keys.ofContent(config.copyName, { id: `${content.id}#${i}`, entries: [entry], warnings: [] });
    return [...names].some((name) => alone.picks(name).length > 0);
  }));
}

export const credentialShadowed: Rule = {
  id: 'PP044', name: 'credential-shadowed', severity: 'warning', title: 'A credential stands behind another one',
  cause: 'Kubelets try matching entries in order, and two with different logins are for the same registry: the second is tried only after the first was refused. For Docker Hub, https://index.docker.io/v1/ is not used at all where a key docker.io matches.',
  remedy: 'Keep one login a registry: remove the other from its Secret, or the Secret from imagePullSecrets.',
  check: (facts) => [...withinSources(facts), ...betweenSecrets(facts)],
};

interface Placed {
  readonly secret: string;
  readonly entry: PullEntry;
}

function withinSources({ sources, keys }: Facts): Hit[] {
  return sources.flatMap(({ config, content }) => {
    if (content === undefined) return [];
    const [first] = keys.ofContent(config.copyName, content).picks(ANY_HUB_IMAGE);
    return content.entries.filter((entry) => isDefault(entry) && first !== undefined && !isDefault(first.entry) && first.entry.login !== entry.login).map((entry): Hit => ({
      object: { kind: 'Source', name: config.name }, about: redactKey(entry.key),
      message: `Credential ${quoteKey(entry.key)} of source "${config.name}" is never used: ${quoteKey(first?.entry.key ?? '')} comes first, with another login.`,
    }));
  });
}

/** Once a pair of Secrets and key, however many ServiceAccounts have both. */
function betweenSecrets({ scopes, pullSecrets }: Facts): Hit[] {
  const found = new Map<string, { hit: Hit; accounts: number }>();
  for (const { namespace, serviceAccounts } of scopes) {
    for (const { name, pullSecrets: names = [] } of serviceAccounts) {
      const firsts = new Map<string, Placed>();
      for (const secret of new Set(names)) {
        const read = pullSecrets.get(secretKey(namespace.name, secret));
        if (read?.state !== 'read') continue;
        for (const entry of read.content.entries) {
          const normal = normaliseKey(entry.key);
          if (normal === undefined) continue;
          const first = firsts.get(normal);
          if (first === undefined) firsts.set(normal, { secret, entry });
          if (first === undefined || first.secret === secret || first.entry.login === entry.login) continue;
          const id = `${first.secret} ${secret} ${normal}`;
          const known = found.get(id);
          if (known !== undefined) known.accounts++;
          else found.set(id, { accounts: 1, hit: {
            object: { kind: 'ServiceAccount', namespace: namespace.name, name }, about: `${secret} ${redactKey(entry.key)}`,
            message: `ServiceAccount "${name}" in ${namespace.name} pulls with Secret ${quote(first.secret)} before ${quote(secret)}, and they have different logins for ${quoteKey(entry.key)}: the second is tried only after the first was refused.`,
          } });
        }
      }
    }
  }
  return [...found.values()].map(({ hit, accounts }) => (accounts === 1 ? hit : { ...hit, message: `${hit.message} The same goes for ${plural(accounts - 1, 'other ServiceAccount')}.` }));
}

const isDefault = ({ key }: PullEntry): boolean => normaliseKey(key) === HUB_DEFAULT;
