/** Distribution (registry:2) in proxy mode: reads its login from the environment, only when it starts. */
import type { ConfigOf } from '../config/cache-proxies.ts';
import type { CacheProxy } from './adapter.ts';
import { render } from './render.ts';
import { yamlScalar } from '../config/yaml-scalar.ts';

/** A Secret for `envFrom`, or with the key names of a chart; then a restart of the workload. */
export const distribution = (config: ConfigOf<'distribution'>): CacheProxy => ({
  ...render(
    config,
    {
      [config.usernameKey]: ({ username }) => environmentValue(username),
      [config.passwordKey]: ({ password }) => environmentValue(password),
    },
    { when: 'at start', unseen: 'every process that started before, until it ends' },
  ),
  tellsAbsence: true,
});

/**
 * Distribution parses its environment variables as YAML: a password with `: `, ` #` or a leading `*`, `{`, `"` would be read as
 * another one, or stop it at its start. A value that YAML reads as the same text stays as it is.
 */
function environmentValue(text: string): string {
  return /^[A-Za-z0-9][\w.-]*$/.test(text) && !/^null$/i.test(text) ? text : yamlScalar(text);
}
