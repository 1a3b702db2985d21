/** Rules on cache proxies: whether they have the upstream login, and whether it works. */
import { WITHOUT_ENDPOINT } from '../../config/cache-proxies.ts';
import { findEntry, quoteKey } from '../../credentials/registry-name.ts';
import { WHY_UNUSABLE } from '../../credentials/usable-login.ts';
import type { Facts } from '../facts/facts.ts';
import type { Hit, Rule } from './rule.ts';
import type { AuditedProxy } from '../observe/verdicts.ts';
import { stateOf } from '../../plan/proxy.ts';
import type { UnknownReason } from '../../plan/proxy.ts';
import { fit, sentence } from '../../text.ts';
import { secretOfSource } from './remedies.ts';

export const proxyNotApplied: Rule = {
  id: 'PP060',
  name: 'proxy-not-applied',
  category: 'Cache proxies',
  severity: 'error',
  title: 'A cache proxy does not have the newest login',
  cause:
    'The login of the source was not forwarded to the cache proxy: its API does not answer, refuses ' +
    'Pullpass, or the controller does not run. Once the old login is revoked, what the cache does not ' +
    'hold is "not found".',
  remedy:
    'See the reason in the finding; check that the cache proxy answers, and what the log of the controller says of it. Do not revoke the old login before.',
  check: (facts) =>
    (facts.proxies ?? [])
      .filter((proxy) => !proxy.applied && anonymous(facts, proxy) === undefined)
      .map((proxy) =>
        hit(
          proxy,
          `Cache proxy "${proxy.name}" does not have the newest login of source "${proxy.source}" for ` +
            `${quoteKey(proxy.registry)}${since(proxy)}: ${sentence(fit(proxy.why))}`,
        ),
      ),
};

export const proxyNotVerified: Rule = {
  id: 'PP061',
  name: 'proxy-not-verified',
  category: 'Cache proxies',
  severity: 'warning',
  title: 'It is unknown whether the login of a cache proxy works',
  cause:
    'The login was forwarded, but nothing shows that the cache proxy can pull with it: no probe is configured, ' +
    'or it could not be made. A public image, or one that the cache may hold, proves nothing. ' +
    '(kube-image-keeper, kube-fledged and image-puller are no endpoint that could be asked: nodes pull, with the copy.)',
  remedy: 'Configure a probe: cacheProxies[].probe with a private repository; then run `pullpass verify --config FILE`',
  check: ({ proxies = [] }) =>
    proxies
      .filter(({ applied, verified, reason }) => applied && verified === 'unknown' && reason !== 'settling')
      .filter(({ kind }) => !WITHOUT_ENDPOINT.has(kind))
      .map((proxy) => {
        const { name, registry, reason, why } = proxy;
        const remedy = reason === undefined ? undefined : REMEDIES[reason];
        return {
          ...hit(
            proxy,
            `Whether cache proxy "${name}" can pull from ${quoteKey(registry)} is ` +
              `${stateOf({ state: 'unknown', reason })}${since(proxy)}: ${sentence(fit(why))}`,
          ),
          ...(remedy !== undefined && { remedy }),
        };
      }),
};

const REMEDIES: Readonly<Partial<Record<UnknownReason, string>>> = {
  'held already':
    'Push a new tag to the repository of the probe, and let nobody else pull from it; ' +
    'or configure probe.push, with which a new image is pushed once a rotation.',
  upstream:
    'Let the controller reach the registry, if need be through HTTPS_PROXY: without that, an answer of the cache proves nothing.',
  cache: 'Check that the cache proxy runs, that probe.url is right, and that its own login (probe.login) is taken.',
  public: 'Name a private repository in cacheProxies[].probe.',
  'no image': 'Correct cacheProxies[].probe: repository, reference, or upstreamRepository.',
};

const forwardAgain = (secret: string): string =>
  `Put a working credential into ${secret}; Pullpass forwards it. If pods can pull with it directly, check which upstream the cache proxy is set to.`;

export const proxyRefused: Rule = {
  id: 'PP062',
  name: 'proxy-login-refused',
  category: 'Cache proxies',
  severity: 'error',
  title: 'The login of a cache proxy does not work',
  cause:
    'A private pull through the cache proxy failed, or the product says that its upstream refuses the ' +
    'login. Cached images are still served; all others are "not found".',
  remedy: forwardAgain('the Secret of the source'),
  check: (facts) =>
    (facts.proxies ?? [])
      .filter(({ verified }) => verified === 'refused')
      .map((proxy) => ({
        ...hit(
          proxy,
          `Cache proxy "${proxy.name}" cannot pull from ${quoteKey(proxy.registry)} with its login${since(proxy)}: ${sentence(fit(proxy.why))}`,
        ),
        remedy: forwardAgain(secretOfSource(facts, proxy.source)),
      })),
};

export const proxyAnonymous: Rule = {
  id: 'PP063',
  name: 'proxy-anonymous',
  category: 'Cache proxies',
  severity: 'warning',
  title: 'A cache proxy has no login to pull with',
  cause:
    'The source has no username and password for the registry of the cache proxy (an identity token ' +
    'cannot be forwarded): the cache pulls anonymously, gets no private image, and shares the rate limit ' +
    'of everybody.',
  remedy:
    'Add an entry with a username and a password or access token for this registry to the source, or correct cacheProxies[].registry.',
  check: (facts) =>
    (facts.proxies ?? []).flatMap((proxy): Hit[] => {
      const why = anonymous(facts, proxy);
      return why === undefined
        ? []
        : [hit(proxy, `Cache proxy "${proxy.name}" gets no login for ${quoteKey(proxy.registry)}: ${why}.`)];
    }),
};

/** Why there is no login to forward; undefined: there is one, or it is unknown. */
function anonymous({ sources }: Facts, { source, registry }: AuditedProxy): string | undefined {
  const content = sources.find(({ config }) => config.name === source)?.content;
  if (content === undefined) return undefined;
  const entry = findEntry(content.entries, registry);
  if (entry === undefined) return `source "${source}" has no usable login for it`;
  return entry.unusable === undefined ? undefined : `the entry of source "${source}" ${WHY_UNUSABLE[entry.unusable]}`;
}

const hit = ({ name }: AuditedProxy, message: string): Hit => ({ object: { kind: 'CacheProxy', name }, message });
const since = ({ since: at }: AuditedProxy): string => (at === undefined ? '' : ` since ${at}`);
