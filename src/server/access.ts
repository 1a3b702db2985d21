/**
 * Who may see a page: every user whom Kubernetes lets `get` its path. The API server says whose the bearer token is
 * (TokenReview) and what that user may do (SubjectAccessReview). No token is kept, logged or part of an error.
 */
import type { V1SubjectAccessReview, V1TokenReview } from '@kubernetes/client-node';
import { createHash } from 'node:crypto';
import { messageOf } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Log } from '../log.ts';
import { createGate } from './gate.ts';
import { text } from './listener.ts';
import type { PageHandler } from './listener.ts';

const TOKEN_REVIEWS = '/apis/authentication.k8s.io/v1/tokenreviews';
const SUBJECT_ACCESS_REVIEWS = '/apis/authorization.k8s.io/v1/subjectaccessreviews';

type Verdict = 'allowed' | 'unauthenticated' | 'forbidden' | 'unavailable';

interface Access {
  /** The path of the page. */
  readonly path: string;
  /** `authorization`: the header as it came. `signal`: the client has gone; the review goes on for other requests with the token. */
  allow(authorization: string | undefined, signal: AbortSignal): Promise<Verdict>;
}

export interface AccessOptions {
  client: Pick<KubeClient, 'create'>;
  path: string;
  /** Milliseconds of a clock that never goes back: an answer must not be kept for longer. */
  now: () => number;
  /** Gets a warning when access cannot be checked, at most once a minute. */
  log?: Pick<Log, 'warn'>;
}

/** How long an answer is cached, in milliseconds: a revoked right works no longer than that. The API server caches as long. */
const REMEMBERED_MS = 10_000;
/** Most answers cached. The gate admits fewer reviews in that time, so strangers who try tokens evict no valid answer. */
const REMEMBERED = 200;
/** Time limit of a review, in milliseconds. */
const TIMEOUT_MS = 5_000;
const WARN_EVERY_MS = 60_000;
/** Longest header; longer than any with a token that Kubernetes accepts. */
const MAX_TOKEN = 8 * 1024;

export function createAccess({ client, path, now, log }: AccessOptions): Access {
  const memory = createMemory();
  const pending = new Map<string, Promise<Verdict>>();
  const admit = createGate(now);
  let warnedAt = -Infinity;

  async function review(token: string): Promise<Verdict> {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    // Sensitive: a proxy in between may quote the token.
    const { status } = await client.create<V1TokenReview>(
      TOKEN_REVIEWS,
      { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } },
      { signal, sensitive: true },
    );
    const { username: user = '', uid, groups, extra } = status?.user ?? {};
    if (status?.authenticated !== true || user === '') return 'unauthenticated';
    const answer = await client.create<V1SubjectAccessReview>(
      SUBJECT_ACCESS_REVIEWS,
      {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec: {
          user,
          ...(uid && { uid }),
          ...(groups && { groups }),
          ...(extra && { extra }),
          nonResourceAttributes: { path, verb: 'get' },
        },
      },
      { signal, sensitive: true },
    );
    return answer.status?.allowed === true ? 'allowed' : 'forbidden';
  }

  async function ask(token: string, key: string): Promise<Verdict> {
    try {
      const verdict = await admit(() => review(token));
      if (verdict === undefined) return 'unavailable';
      memory.put(key, verdict, now() + REMEMBERED_MS);
      return verdict;
    } catch (error) {
      if (now() - warnedAt >= WARN_EVERY_MS) {
        warnedAt = now();
        log?.warn(`cannot check who may see ${path}: ${messageOf(error).replaceAll(token, '***')}`);
      }
      return 'unavailable';
    } finally {
      pending.delete(key);
    }
  }

  return {
    path,
    async allow(authorization, signal) {
      const token = bearerOf(authorization);
      if (token === undefined) return 'unauthenticated';
      const key = createHash('sha256').update(token).digest('base64');
      const known = memory.get(key, now());
      if (known !== undefined) return known;
      let asked = pending.get(key);
      if (asked === undefined) pending.set(key, (asked = ask(token, key)));
      return signal.aborted ? 'unavailable' : asked;
    },
  };
}

/** Serves the page to users who may see it; tells all others in one line how to get access. */
export function secured(page: PageHandler, access: Access): PageHandler {
  return async (request) => {
    switch (await access.allow(request.authorization, request.signal)) {
      case 'allowed':
        return page(request);
      case 'unauthenticated':
        return text(
          401,
          'a bearer token is needed that the cluster knows: Authorization: Bearer $(kubectl create token NAME)',
          { 'www-authenticate': 'Bearer realm="pullpass"' },
        );
      case 'forbidden':
        return text(
          403,
          `the token is good, and its owner may not "get" ${access.path}: bind it to the ClusterRole pullpass-report-viewer`,
        );
      case 'unavailable':
        return text(503, 'it could not be checked who asks: try again', { 'retry-after': '2' });
    }
  };
}

/** RFC 6750, with one or more spaces. Anything else is no token, and the API server is not asked. */
function bearerOf(header = ''): string | undefined {
  return header.length > MAX_TOKEN ? undefined : /^Bearer +([\w.~+/-]+=*) *$/i.exec(header)?.[1];
}

/** A cache of answers; evicts the least recently used one. */
function createMemory() {
  const entries = new Map<string, { verdict: Verdict; until: number }>();
  return {
    get(key: string, at: number): Verdict | undefined {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      entries.delete(key);
      if (entry.until <= at) return undefined;
      entries.set(key, entry);
      return entry.verdict;
    },
    put(key: string, verdict: Verdict, until: number): void {
      const [oldest] = entries.keys();
      if (entries.size >= REMEMBERED && oldest !== undefined) entries.delete(oldest);
      entries.set(key, { verdict, until });
    },
  };
}
