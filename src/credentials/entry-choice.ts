/** Which entry of a source a name on the command line means. Pure. */
import { toText } from './byte-string.ts';
import {
  DOCKER_HUB_KEY,
  isDockerHub,
  misnamedDockerHub,
  normaliseKey,
  quoteKey,
  registryHost,
} from './registry-name.ts';
import { plural, some } from '../text.ts';

/** `others`: further keys of the same registry, whose logins stay as they are. Problems are one line. */
export type Choice =
  | { readonly found: 'entry' | 'nothing'; readonly key: string; readonly others: readonly string[] }
  | { readonly found: 'no answer'; readonly problem: string };

/** Docker Hub's key for a name that is meant for it and that no kubelet uses; undefined: another name. */
export function correctedHubKey(name: string): string | undefined {
  return misnamedDockerHub(name)?.dead === true ? DOCKER_HUB_KEY : undefined;
}

/**
 * `exactly`: a name without a path is a key of its own, also next to keys of the same host with paths. `orElse`: what else can be
 * done where that is not so.
 */
export function chooseEntry(
  keys: readonly string[],
  name: string,
  { exactly = false, orElse = '' }: { exactly?: boolean; orElse?: string } = {},
): Choice {
  const sameHost = keys.filter((key) => hostOf(key) === hostOf(name));
  const found = (key: string): Choice => ({ found: 'entry', key, others: sameHost.filter((other) => other !== key) });
  if (keys.includes(name)) return found(name);
  const problem = whyNoRegistry(name);
  if (problem !== undefined) return { found: 'no answer', problem: `${quoteKey(name)}: ${problem}` };
  const normal = normaliseKey(name);
  const same = keys.filter((key) => normaliseKey(key) === normal || (isDockerHub(key) && isDockerHub(name)));
  const [only, ...more] = same;
  if (only !== undefined && more.length === 0) return found(only);
  const ask = (several: readonly string[], which: string, otherwise = ''): Choice => ({
    found: 'no answer',
    problem:
      `${quoteKey(name)}: the source has ${plural(several.length, 'entry', 'entries')} ${which}: ` +
      `${some(several.map(quoteKey), 10)}; give the exact key${otherwise}`,
  });
  if (more.length > 0) return ask(same, 'for it');
  if (!exactly && !isPath(name) && sameHost.length > 0) return ask(sameHost, 'for parts of it', orElse);
  return { found: 'nothing', key: newKey(name), others: sameHost };
}

/** Why a new entry would help no pull; undefined: it is a registry. */
function whyNoRegistry(name: string): string | undefined {
  const host = toText(normaliseKey(name) ?? '').split('/')[0] ?? '';
  if (host === '' || /[\s\p{C}?#]/u.test(name)) return 'is no registry; write host, host:port or host/path';
  if (/^(?:https?:\/\/)?[^/]*@/.test(name)) return 'holds a login; write only host, host:port or host/path';
  if (/[:@]/.test(pathOf(name))) return 'is an image; write its registry, or its repository without tag and digest';
  return host === 'localhost' || /[.:*?[]/.test(host)
    ? undefined
    : 'is no registry, for its host has neither a dot nor a port; Docker Hub is docker.io';
}

/** As people write keys: without scheme, and without the path of the registry's API. */
const newKey = (name: string): string =>
  isDockerHub(name)
    ? DOCKER_HUB_KEY
    : toText(normaliseKey(name) ?? '')
        .replace(/\/+$/, '')
        .replace(/^([^/]*)\/v[12]$/, '$1');

const pathOf = (name: string): string => /^[^/]*(\/[^]*)?$/.exec(name.replace(/^https?:\/\//, ''))?.[1] ?? '';
const isPath = (name: string): boolean => newKey(name).includes('/') && !isDockerHub(name);

function hostOf(key: string): string {
  const host = registryHost(key);
  return isDockerHub(host) ? 'docker.io' : host;
}
