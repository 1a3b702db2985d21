/** Observations to plan from: everything in order unless a test says otherwise. */
import type { Configuration, SourceConfig } from '../../src/config/schema.ts';
import { DEFAULT_NAMESPACE, TYPE_DOCKER_CONFIG_JSON } from '../../src/names.ts';
import type {
  ObservedCopy,
  ObservedNamespace,
  ObservedScope,
  ObservedServiceAccount,
  ObservedSource,
} from '../../src/plan/observed.ts';

export function sourceConfig(parts: Partial<SourceConfig> = {}): SourceConfig {
  return {
    name: 'upstream',
    secret: { namespace: 'pullpass-system', name: 'upstream-registry' },
    copyName: 'regcred',
    namespaces: { allow: ['*'], deny: ['kube-*', 'pullpass-system'] },
    optInByDefault: false,
    serviceAccounts: ['default'],
    aliases: [],
    verify: 'off',
    onOptOut: 'remove',
    ...parts,
  };
}

export function configuration(sources: SourceConfig[], retiredCopyNames: string[] = []): Configuration {
  return {
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Configuration',
    sources,
    retiredCopyNames,
    cacheProxies: [],
    registries: [],
    schedules: { resync: '*/10 * * * *', probe: '*/15 * * * *', timeZone: 'UTC' },
    audit: { reportObject: false },
    paused: false,
  };
}

export function source(
  parts: Partial<Omit<ObservedSource, 'config'>> & { config?: Partial<SourceConfig> } = {},
): ObservedSource {
  const { config, ...rest } = parts;
  return { digest: 'new', read: true, problems: [], ...rest, config: sourceConfig(config) };
}

export function namespace(parts: Partial<ObservedNamespace> = {}): ObservedNamespace {
  return {
    name: 'team-a',
    uid: 'ns-uid',
    resourceVersion: '1',
    terminating: false,
    sync: 'enabled',
    sources: undefined,
    serviceAccounts: undefined,
    ...parts,
  };
}

export function account(parts: Partial<ObservedServiceAccount> = {}): ObservedServiceAccount {
  return {
    namespace: 'team-a',
    name: 'default',
    uid: 'sa-uid',
    resourceVersion: '1',
    pullSecrets: undefined,
    sync: undefined,
    added: undefined,
    annotated: false,
    ...parts,
  };
}

/** In sync with {@link source}. */
export function copy(parts: Partial<ObservedCopy> = {}): ObservedCopy {
  return {
    namespace: 'team-a',
    name: 'regcred',
    uid: 'copy-uid',
    resourceVersion: '7',
    type: TYPE_DOCKER_CONFIG_JSON,
    ours: true,
    source: 'upstream',
    instance: DEFAULT_NAMESPACE,
    adopt: false,
    digest: 'new',
    terminating: false,
    ...parts,
  };
}

export function scope(
  parts: Partial<Omit<ObservedScope, 'copies'>> & { copies?: readonly ObservedCopy[] } = {},
): ObservedScope {
  const { copies = [], ...rest } = parts;
  return {
    instance: DEFAULT_NAMESPACE,
    namespace: namespace(),
    serviceAccounts: [account()],
    sources: [source()],
    retiredCopyNames: [],
    ...rest,
    copies: new Map(copies.map((c) => [c.name, c])),
  };
}
