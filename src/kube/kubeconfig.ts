/** Finds the cluster and our identity in it. client-node reads every kind of kubeconfig; we only word its errors. */
import { KubeConfig } from '@kubernetes/client-node';
import { existsSync } from 'node:fs';
import { UserError, messageOf } from '../errors.ts';
import { fit } from '../text.ts';

interface KubeconfigOptions {
  /** Path of a kubeconfig; without it $KUBECONFIG, ~/.kube/config or the pod's own ServiceAccount. */
  kubeconfig?: string | undefined;
  context?: string | undefined;
}

/** Throws UserError: no such file, not a kubeconfig, no such context, no cluster found. */
export function loadKubeConfig({ kubeconfig, context }: KubeconfigOptions): KubeConfig {
  const config = new KubeConfig();
  if (kubeconfig !== undefined) {
    if (!existsSync(kubeconfig)) throw new UserError(`kubeconfig ${kubeconfig}: no such file`);
    try {
      config.loadFromFile(kubeconfig);
    } catch (error) {
      throw new UserError(`kubeconfig ${kubeconfig}: is not usable: ${firstLine(messageOf(error))}`, { cause: error });
    }
  } else {
    try {
      config.loadFromDefault();
    } catch (error) {
      throw new UserError(`no usable kubeconfig: ${firstLine(messageOf(error))}`, { cause: error });
    }
  }
  if (context !== undefined) {
    if (config.getContextObject(context) === null) {
      const known =
        config
          .getContexts()
          .map((c) => c.name)
          .join(', ') || 'none';
      throw new UserError(`kubeconfig: no context "${context}"; there are: ${known}`);
    }
    config.setCurrentContext(context);
  }
  // client-node falls back to localhost:8080, where no API server listens any more; its context name shows that.
  const found =
    kubeconfig !== undefined ||
    config.getCurrentContext() !== 'loaded-context' ||
    config.getCurrentCluster()?.server !== 'http://localhost:8080';
  if (!found)
    throw new UserError('no cluster to talk to: there is no kubeconfig, and this is no pod; give --kubeconfig FILE');
  if (config.getCurrentCluster() === null) {
    throw new UserError(
      'no cluster to talk to: the kubeconfig has no current context; give --kubeconfig FILE or --context NAME',
    );
  }
  return config;
}

function firstLine(text: string): string {
  return fit(text.split('\n', 1)[0] ?? '');
}
