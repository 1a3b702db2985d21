/** The first half of the `/v2/` handshake: reads from the answer to an anonymous request how to log in. */
import { describe, isHtml } from './answer.ts';
import { parseChallenges } from './challenge.ts';
import type { Challenge } from './challenge.ts';
import { locateRealm } from './endpoint.ts';
import type { HttpResponse } from './http.ts';

export interface BearerScheme {
  readonly type: 'bearer';
  /** Checked: see `locateRealm`. */
  readonly realm: URL;
  readonly service: string | undefined;
  readonly scope: string | undefined;
}
/** How to log in to a registry. */
type Scheme = BearerScheme | { readonly type: 'basic' };

/** `open`: answered without a login. `unknown`: not usable; `why` continues "the registry ...". */
type Demand =
  | { readonly type: 'login'; readonly scheme: Scheme }
  | { readonly type: 'open' }
  | { readonly type: 'unknown'; readonly why: string };

/** Reads the answer to a request that carried no login. */
export function readDemand(response: HttpResponse, registry: URL): Demand {
  const { status, redirectedTo } = response;
  if (status === 401) return readScheme(response.headers['www-authenticate'], registry);
  // The request held no secret, so the target cannot echo one; a person needs it to correct the URL.
  if (redirectedTo !== undefined)
    return { type: 'unknown', why: `redirects to ${redirectedTo} (${status}), which is not followed` };
  if (status >= 200 && status < 300 && !isHtml(response)) return { type: 'open' };
  return { type: 'unknown', why: `answers ${describe(response)} before any login` };
}

/** Prefers Bearer to Basic, as container runtimes do. */
function readScheme(header: string | undefined, registry: URL): Demand {
  if (header === undefined) return { type: 'unknown', why: 'answers 401 and does not say how to log in' };
  const challenges = parseChallenges(header);
  const problems: string[] = [];
  for (const challenge of challenges.filter(({ scheme }) => scheme === 'bearer')) {
    const realm = locateRealm(challenge.params['realm'], registry);
    if (realm.ok) return { type: 'login', scheme: bearer(challenge, realm.url) };
    problems.push(realm.why);
  }
  if (challenges.some(({ scheme }) => scheme === 'basic')) return { type: 'login', scheme: { type: 'basic' } };
  const why =
    problems[0] ??
    (challenges.length === 0 ? 'its challenge is malformed' : 'it asks for neither Bearer nor Basic authentication');
  return { type: 'unknown', why: `answers 401, but ${why}` };
}

function bearer({ params }: Challenge, realm: URL): Scheme {
  return { type: 'bearer', realm, service: bounded(params['service']), scope: bounded(params['scope']) };
}

function bounded(value: string | undefined): string | undefined {
  return value === undefined || value === '' || value.length > 1024 ? undefined : value;
}
