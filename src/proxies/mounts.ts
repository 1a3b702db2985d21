/** How pods mount the Secret of a cache proxy: a kubelet updates the files of a volume, but never a file mounted by `subPath`. */
import type { V1Pod } from '@kubernetes/client-node';
import { quote } from '../text.ts';

/** One line; undefined: no pod mounts the Secret by `subPath`. */
export function subPathMount(pods: readonly V1Pod[], secret: string): string | undefined {
  for (const { metadata, spec } of pods) {
    const volumes = (spec?.volumes ?? []).filter(
      (volume) =>
        volume.secret?.secretName === secret ||
        volume.projected?.sources?.some((source) => source.secret?.name === secret) === true,
    );
    const names = new Set(volumes.map(({ name }) => name));
    const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
    const found = containers.find(({ volumeMounts = [] }) =>
      volumeMounts.some(
        ({ name, subPath, subPathExpr }) => names.has(name) && (subPath !== undefined || subPathExpr !== undefined),
      ),
    );
    if (found !== undefined)
      return (
        `pod ${quote(`${metadata?.namespace}/${metadata?.name}`)} mounts Secret ${quote(secret)} by subPath, ` +
        'which kubelets never update: mount the whole volume, without subPath'
      );
  }
  return undefined;
}
