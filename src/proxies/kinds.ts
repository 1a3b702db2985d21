/** Maps a configured kind to its adapter. */
import type { CacheProxyConfig, ConfigOf } from '../config/cache-proxies.ts';
import type { Configuration } from '../config/schema.ts';
import { sharersOf } from '../config/shared-secrets.ts';
import { byLabel, clusterWide } from '../plan/listed-rights.ts';
import { rightsInCluster } from '../plan/rights.ts';
import type { RightsOptions } from '../plan/rights.ts';
import { artifactory } from './artifactory.ts';
import type { PatchOptions } from './custom-object.ts';
import { customResource } from './custom-resource.ts';
import { distribution } from './distribution.ts';
import { distributionHelper } from './distribution-helper.ts';
import { gitlab } from './gitlab.ts';
import { harbor } from './harbor.ts';
import { imagePuller } from './image-puller.ts';
import { kubeFledged } from './kube-fledged.ts';
import { kubeImageKeeper } from './kube-image-keeper.ts';
import { nexus } from './nexus.ts';
import type { CacheProxy } from './adapter.ts';
import { template } from './template.ts';
import { webhook } from './webhook.ts';
import { zot } from './zot.ts';

/** `copyName`: of the cache proxy's source; `retired`: retired copy names. */
function createProxy(config: CacheProxyConfig, all: readonly CacheProxyConfig[], options: PatchOptions): CacheProxy {
  switch (config.kind) {
    case 'distribution':
      return distribution(config);
    case 'distribution-helper':
      return distributionHelper(config, sharersOf(all, config).filter(isHelper));
    case 'zot':
      return zot(config, sharersOf(all, config).filter(isZot));
    case 'template':
      return template(config);
    case 'harbor':
      return harbor(config);
    case 'nexus':
      return nexus(config);
    case 'artifactory':
      return artifactory(config);
    case 'gitlab':
      return gitlab(config);
    case 'webhook':
      return webhook(config);
    case 'kube-image-keeper':
      return kubeImageKeeper(config, options);
    case 'kube-fledged':
      return kubeFledged(config, options);
    case 'image-puller':
      return imagePuller(config, options);
    case 'custom-resource':
      return customResource(config, options);
  }
}

const isZot = (config: CacheProxyConfig): config is ConfigOf<'zot'> => config.kind === 'zot';
const isHelper = (config: CacheProxyConfig): config is ConfigOf<'distribution-helper'> =>
  config.kind === 'distribution-helper';

/** A configured cache proxy with its adapter. */
export interface ConfiguredProxy {
  readonly config: CacheProxyConfig;
  readonly adapter: CacheProxy;
  readonly copyName: string;
}

/** `instance`: the installation that they are for, by the namespace of its controller; it matters only to who reads or writes them. */
export function createProxies(
  { cacheProxies, sources, retiredCopyNames }: Configuration,
  instance?: string,
): ConfiguredProxy[] {
  return cacheProxies.map((config) => {
    const copyName = sources.find(({ name }) => name === config.source)?.copyName ?? '';
    return {
      config,
      copyName,
      adapter: createProxy(config, cacheProxies, { copyName, retired: retiredCopyNames, instance }),
    };
  });
}

/**
 * Why the controller cannot work for a list of namespaces with this configuration, one line each: what is beyond the
 * list, or any namespace. Empty without a list.
 */
export function beyondTheList(configuration: Configuration, controller: RightsOptions): string[] {
  const { namespaces: listed } = controller;
  if (listed === undefined) return [];
  const outside = createProxies(configuration).flatMap(({ config, adapter: { consumer } }) =>
    consumer === undefined || listed.includes(consumer.namespace)
      ? []
      : [`add ${consumer.namespace} to the list: cache proxy ${config.name} reads the copy there`],
  );
  return [...clusterWide(rightsInCluster(configuration, controller)), ...byLabel(configuration), ...outside];
}
