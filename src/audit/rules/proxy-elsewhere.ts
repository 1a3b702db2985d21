/** A rule on what cache proxies made of their logins: it goes on with an old one after the cache proxy itself has the new one. */
import { quoteKey } from '../../credentials/registry-name.ts';
import { fit, sentence } from '../../text.ts';
import type { Rule } from './rule.ts';

const RECREATE =
  'Recreate the pods there, such as with `kubectl rollout restart`: the product renews its Secret when a pod is admitted. ' +
  'Then delete those that no pod names; it makes a new one when it needs one';
const KEEP = 'Do not revoke the old login before.';

export const proxyLoginElsewhere: Rule = {
  id: 'PP064',
  name: 'proxy-login-elsewhere',
  category: 'Cache proxies',
  severity: 'warning',
  title: 'What a cache proxy made of its login holds an old one',
  cause:
    'kube-image-keeper v2 copies the login into Secrets of its own in the namespaces of pods, and renews such a Secret only ' +
    'when a pod is admitted there. Pods that are restarted in place go on with the old login; once it is revoked, they fail.',
  remedy: `${RECREATE}. ${KEEP}`,
  check: ({ derived = [] }) =>
    derived.map(({ proxy, source, registry, line, selector }) => ({
      object: { kind: 'CacheProxy', name: proxy },
      message: sentence(
        `Cache proxy "${proxy}" has the login of source "${source}" for ${quoteKey(registry)}, but ${fit(line, 600)}`,
      ),
      ...(selector !== undefined && {
        remedy: `${RECREATE} (\`kubectl get secrets --all-namespaces --selector ${selector}\`). ${KEEP}`,
      }),
    })),
};
