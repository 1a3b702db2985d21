/** Reads pull Secrets, as far as RBAC allows, and keeps no login: only keys and keyed digests. */
import type { V1Secret } from '@kubernetes/client-node';
import { parseSecret } from '../../credentials/docker-config.ts';
import type { Credential, SecretContent } from '../../credentials/docker-config.ts';
import { personalLogin } from '../../credentials/personal-login.ts';
import { loginSpan } from '../../credentials/token-expiry.ts';
import { isForbidden, isNotFound } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { ApiObject } from '../../kube/list.ts';
import { paths } from '../../kube/paths.ts';
import { ANNOTATIONS_OPENSHIFT_PULL_SECRET, TYPE_DOCKERCFG } from '../../names.ts';
import { timeOf } from '../../observe/projections.ts';
import type { Digest } from '../../observe/world.ts';
import { eachBounded } from '../../async/bounded.ts';
import type { PullContent, PullEntry, PullSecret } from './observation.ts';

/** Requests at the same time: fast enough, without a burden for other clients of the API server. */
const CONCURRENCY = 16;

/** Equal Secrets give the same object. */
export type ContentReader = (secret: SecretContent) => PullContent;

export function createContentReader(digest: Digest): ContentReader {
  const known = new Map<string, PullContent>();
  return (secret) => {
    const id = digest(JSON.stringify([secret.type, secret.data]));
    let content = known.get(id);
    if (content === undefined) known.set(id, (content = readContent(id, secret, digest)));
    return content;
  };
}

function readContent(id: string, secret: SecretContent, digest: Digest): PullContent {
  const parsed = parseSecret(secret);
  if (!parsed.ok)
    return {
      id,
      entries: [],
      warnings: [],
      problem: { text: parsed.problems.join('; '), breaksPulls: parsed.failsPulls },
    };
  return {
    id,
    entries: parsed.credentials.map((credential) => entryOf(credential, digest)),
    warnings: parsed.warnings,
  };
}

function entryOf({ key, username, password, identityToken, unusable }: Credential, digest: Digest): PullEntry {
  const span = loginSpan({ password, identityToken });
  const personal = personalLogin({ key, username, password });
  return {
    key,
    login: digest(JSON.stringify([username, password])),
    ...(unusable !== undefined && { unusable }),
    ...(span && { expiresAt: span.endsAt.getTime() }),
    ...(span?.lifetimeMs !== undefined && { lifetimeMs: span.lifetimeMs }),
    ...(personal !== undefined && { personal }),
  };
}

interface ReadSecretsOptions {
  readonly client: KubeClient;
  readonly wanted: Iterable<{ readonly namespace: string; readonly name: string }>;
  readonly read: ContentReader;
  readonly onRead: (namespace: string, name: string, secret: PullSecret) => void;
  /** Most characters of one Secret, and of all: each small entry becomes an object that is about twenty times as large. */
  readonly limit?: { readonly each: number; readonly all: number } | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** `large`: how many were skipped by the limit. `refused`: namespaces with a 403; `why`: the server's message for the first one. */
export async function readPullSecrets({ client, wanted, read, onRead, limit, signal }: ReadSecretsOptions): Promise<{
  refused: Set<string>;
  why: string | undefined;
  large: number;
}> {
  const refused = new Set<string>();
  let why: string | undefined;
  let large = 0;
  let sum = 0;
  await eachBounded(wanted, CONCURRENCY, async ({ namespace, name }) =>
    onRead(namespace, name, await look(namespace, name)),
  );
  return { refused, why, large };

  async function look(namespace: string, name: string): Promise<PullSecret> {
    try {
      const { metadata, type, data } = await client.get<Partial<ApiObject> & Pick<V1Secret, 'type' | 'data'>>(
        paths.secrets(namespace, name),
        { sensitive: true, signal },
      );
      const size = Object.values(data ?? {}).reduce((total, value) => total + value.length, 0);
      if (limit !== undefined && (size > limit.each || sum + size > limit.all)) {
        large++;
        return { state: 'unseen' };
      }
      sum += size;
      const createdAt = timeOf(metadata?.creationTimestamp);
      return {
        state: 'read',
        content: read({ type, data }),
        ...(createdAt !== undefined && { createdAt }),
        ...(type === TYPE_DOCKERCFG &&
          ANNOTATIONS_OPENSHIFT_PULL_SECRET.some((key) => metadata?.annotations?.[key] !== undefined) && {
            renewedBy: 'OpenShift',
          }),
      };
    } catch (error) {
      if (isNotFound(error)) return { state: 'missing' };
      if (!isForbidden(error)) throw error;
      refused.add(namespace);
      why ??= (error as Error).message;
      return { state: 'unseen' };
    }
  }
}
