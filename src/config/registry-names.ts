/** Names of registries in a configuration. Messages never repeat a value: a login can be in it. */
import * as z from 'zod';
import {
  canonicalRegistry,
  DOCKER_HUB,
  DOCKER_HUB_ENDPOINT,
  DOCKER_HUB_KEY,
  isDockerHub,
  misnamedDockerHub,
} from '../credentials/registry-name.ts';
import { MAX_REGISTRY } from './limits.ts';

interface Form {
  /** May hold a path, `http(s)://` in front, globs. Any of Docker Hub's own names may have a scheme and /v1/. */
  readonly may: readonly ('path' | 'scheme' | 'glob')[];
  /** What to write for all of Docker Hub. */
  readonly hub: string;
}

const name = (form: Form) =>
  z.string().superRefine((text, ctx) => {
    const message = problemOf(text, form);
    if (message !== undefined) ctx.addIssue({ code: 'custom', message });
  });

/** A key of the source. */
export const registryOfSource = name({ may: ['path', 'scheme'], hub: DOCKER_HUB });
/** A key as in `auths`: kubelets know globs in its host. */
export const registryKey = name({ may: ['path', 'scheme', 'glob'], hub: DOCKER_HUB_KEY });
/** One host, with port. */
export const registryHostName = name({ may: [], hub: DOCKER_HUB });
/** People paste whole URLs of zot's configuration; the adapter takes the host. */
export const zotHost = name({ may: ['path', 'scheme'], hub: DOCKER_HUB_ENDPOINT });

function problemOf(text: string, { may, hub }: Form): string | undefined {
  if (text === '') return 'is empty';
  if (text.length > MAX_REGISTRY) return `is longer than ${MAX_REGISTRY} characters`;
  if (/[^!-~]/.test(text))
    return 'must be a registry key, such as "harbor.corp:443/dockerhub": no spaces, no characters outside ASCII';
  if (text.includes('@')) return 'holds a login or a digest: write only the host, with port and path where needed';
  if (/[?#]/.test(text)) return 'has a "?" or "#": write only the host, with port and path where needed';
  const rest = text.replace(/^https?:\/\//, '');
  if (rest.includes('://')) return 'has a scheme that no registry has: leave it out';
  const [host = ''] = rest.split('/');
  const isPattern = /[*\\]|\[(?![\da-f:.]+\](?::|$))/i.test(host);
  if (isPattern && !may.includes('glob')) return 'is a pattern: write one host';
  if (canonicalRegistry(text) === undefined || (!isPattern && !isHost(host)))
    return 'is not a registry: write host, host:port or host/path';
  const misnamed = misnamedDockerHub(text);
  // Pullpass itself knows all names of Docker Hub; in a copy, it must be one that kubelets use.
  if (misnamed?.dead === true && (hub === DOCKER_HUB_KEY || !isDockerHub(text)))
    return `is no name of Docker Hub: write ${misnamed.right === DOCKER_HUB_KEY || !may.includes('path') ? hub : misnamed.right}`;
  if (isDockerHub(text)) return undefined;
  if (rest !== text && !may.includes('scheme')) return 'must be without a scheme: write host or host:port';
  return rest.includes('/') && !may.includes('path') ? 'must be without a path: write host or host:port' : undefined;
}

function isHost(host: string): boolean {
  const url = URL.parse(`https://${host}`);
  return url !== null && /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d+)?$/i.test(host) && !/^[.-]|\.\./.test(host);
}
