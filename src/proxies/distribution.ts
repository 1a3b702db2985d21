/** Distribution (registry:2) in proxy mode: takes its login from the environment, once, when it starts. */
import type { ConfigOf } from '../config/cache-proxies.ts';
import type { CacheProxy } from './adapter.ts';
import { render } from './render.ts';
import { yamlScalar } from '../config/yaml-scalar.ts';

/** A Secret for `envFrom`, or with the key names that a chart wants; then a roll. */
export const distribution = (config: ConfigOf<'distribution'>): CacheProxy =>
  render(config, {
    [config.usernameKey]: ({ username }) => environmentValue(username),
    [config.passwordKey]: ({ password }) => environmentValue(password),
  });

/**
 * Distribution parses each of its environment variables as YAML: a password with `: `, ` #` or a leading `*`, `{`, `"` would
 * arrive as another one, or stop it at its start. What reads as itself stays as it is.
 */
function environmentValue(text: string): string {
  return /^[A-Za-z0-9][\w.-]*$/.test(text) && !/^null$/i.test(text) ? text : yamlScalar(text);
}
