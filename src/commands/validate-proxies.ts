/** The cache proxies in the summary of `pullpass validate`: what each is given, and where that is written. */
import type { CacheProxyConfig } from '../config/cache-proxies.ts';
import { quoteKey } from '../credentials/registry-name.ts';
import { redactUrl } from '../registry/http-error.ts';
import { fit, quote } from '../text.ts';

/** One line: `  cache proxy hub-cache: zot, docker.io of source upstream, writes Secret cache/zot-login`. */
export function describeProxy(proxy: CacheProxyConfig): string {
  return [
    `  cache proxy ${proxy.name}: ${proxy.kind}`,
    `${quoteKey(proxy.registry)} of source ${proxy.source}`,
    `writes ${writes(proxy)}`,
    ...(proxy.probe === undefined ? [] : [`probe ${proxy.probe.repository} at ${redactUrl(proxy.probe.url)}`]),
  ].join(', ');
}

function writes(proxy: CacheProxyConfig): string {
  switch (proxy.kind) {
    case 'distribution':
    case 'zot':
    case 'template':
      return `Secret ${placed(proxy.secret)}${proxy.workload === undefined ? '' : `, then restarts ${proxy.workload.kind} ${placed(proxy.workload)}`}`;
    case 'distribution-helper':
      return `Secret ${placed(proxy.secret)}`;
    case 'harbor':
      return `registry endpoint ${quote(proxy.endpoint)} of ${redactUrl(proxy.url)}`;
    case 'nexus':
    case 'artifactory':
      return `repository ${quote(proxy.repository)} of ${redactUrl(proxy.url)}`;
    case 'gitlab':
      return `dependency proxy of group ${quote(proxy.group)} of ${redactUrl(proxy.url)}`;
    case 'webhook':
      return `to ${redactUrl(proxy.url)}`;
    case 'kube-image-keeper':
      return `a reference in ${proxy.object.kind} ${placed(proxy.object)}, to the copy in ${proxy.copyNamespace}`;
    case 'kube-fledged':
      return `a reference in ImageCache ${placed(proxy.object)}`;
    case 'image-puller':
      return `a reference in KubernetesImagePuller ${placed(proxy.object)}`;
    case 'custom-resource': {
      const copy = proxy.copyNamespace === undefined ? '' : `, to the copy in ${proxy.copyNamespace}`;
      return `a reference in ${fit(proxy.object.resource, 63)} ${placed(proxy.object)}${copy}`;
    }
  }
}

const placed = ({ namespace, name }: { namespace?: string | undefined; name: string }): string =>
  namespace === undefined ? name : `${namespace}/${name}`;
