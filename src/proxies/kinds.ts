/** Maps a configured kind to its adapter, and collects the rights of all cache proxies. */
import type { CacheProxyConfig } from '../config/cache-proxies.ts';
import type { Configuration } from '../config/schema.ts';
import { STATE_NAME, STATUS_NAME } from '../names.ts';
import { requiredRights } from '../plan/rights.ts';
import type { RightsOptions, Right } from '../plan/rights.ts';
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
function createProxy(config: CacheProxyConfig, options: PatchOptions): CacheProxy {
  switch (config.kind) {
    case 'distribution':
      return distribution(config);
    case 'distribution-helper':
      return distributionHelper(config);
    case 'zot':
      return zot(config);
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
    return { config, copyName, adapter: createProxy(config, { copyName, retired: retiredCopyNames, instance }) };
  });
}

/** All rights that the controller uses for `configuration`: its own, and those of each cache proxy, limited to names. */
export function allRights(configuration: Configuration, controller: RightsOptions): Right[] {
  const proxies = createProxies(configuration, controller.namespace).flatMap(({ config, adapter }) => [
    ...adapter.rights,
    ...probeRights(config),
  ]);
  const state: Right = {
    apiGroup: '',
    resource: 'secrets',
    namespace: controller.namespace,
    resourceNames: [STATE_NAME],
    verbs: ['get', 'create', 'patch'],
    why: 'remember across restarts what each cache proxy was given',
  };
  const status: Right = {
    apiGroup: '',
    resource: 'configmaps',
    namespace: controller.namespace,
    resourceNames: [STATUS_NAME],
    verbs: ['get', 'create', 'patch'],
    why: 'say how far each rotation is',
  };
  return [...requiredRights(configuration, controller), state, status, ...proxies];
}

function probeRights({ name, probe }: CacheProxyConfig): Right[] {
  if (probe?.login === undefined) return [];
  const { namespace, name: secret } = probe.login.secret;
  return [
    {
      apiGroup: '',
      resource: 'secrets',
      namespace,
      resourceNames: [secret],
      verbs: ['get'],
      why: `log in to cache proxy ${name} for the probe`,
    },
  ];
}
