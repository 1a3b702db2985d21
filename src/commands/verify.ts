/** `pullpass verify`: every credential at its registry, every cache proxy by a private pull through it. */
import Table from 'cli-table3';
import picocolors from 'picocolors';
import { stringify } from 'yaml';
import type { Configuration } from '../config/schema.ts';
import { redactKey } from '../credentials/registry-name.ts';
import { tokenExpiry } from '../credentials/token-expiry.ts';
import type { KubeClient } from '../kube/client.ts';
import { createProxies } from '../proxies/index.ts';
import { createProxyKube } from '../proxies/kube.ts';
import type { Reach } from '../registry/reach.ts';
import type { Snapshot } from '../reconcile/snapshot.ts';
import type { Output } from './plan.ts';
import { NO_BORDERS } from './table.ts';

/** One line of the result. `state`: accepted and verified are good, refused is not, unknown says nothing. */
export interface Check {
  readonly what: 'credential' | 'cache proxy';
  readonly source: string;
  /** Registry key, or the name of the cache proxy. */
  readonly name: string;
  readonly state: 'accepted' | 'verified' | 'refused' | 'unknown';
  readonly why: string;
  /** When the token ends, where it can be read from it. */
  readonly expires?: string;
}

export interface VerifyOptions {
  client: KubeClient;
  configuration: Configuration;
  snapshot: Snapshot;
  reach: Reach;
  signal: AbortSignal;
}

const EXIT_REFUSED = 3;

/** In the order of the configuration. One try per credential: accounts get locked by more. */
export async function runChecks({ client, configuration, snapshot, reach, signal }: VerifyOptions): Promise<Check[]> {
  const credentials = configuration.sources.flatMap(({ name }) => (snapshot.book.credentials(name) ?? []).map((credential) => ({ source: name, credential })));
  const unread = snapshot.book.observe().flatMap(({ config, problems }): Check[] => problems.map((why) => ({ what: 'credential', source: config.name, name: config.secret.name, state: 'unknown', why })));
  const logins = credentials.map(async ({ source, credential }): Promise<Check> => {
    const { state, why } = /[*?[\]]/.test(credential.key) ? { state: 'unknown' as const, why: 'a pattern names no host that could be asked' } : await reach.check(configuration, credential, signal);
    const expires = tokenExpiry(credential.identityToken ?? credential.password)?.toISOString();
    return { what: 'credential', source, name: redactKey(credential.key), state, why, ...(expires !== undefined && { expires }) };
  });
  const pulls = createProxies(configuration).map(async (proxy): Promise<Check> => {
    const { state, why } = await reach.probe(proxy, createProxyKube({ client, proxy: proxy.config.name, signal }), signal);
    return { what: 'cache proxy', source: proxy.config.source, name: proxy.config.name, state, why };
  });
  return [...unread, ...(await Promise.all([...logins, ...pulls]))];
}

/** The text ends with a line break. Exit status 3 when one is refused. */
export function renderChecks(checks: readonly Check[], output: Output, color: boolean): { text: string; exitCode: number } {
  const exitCode = checks.some(({ state }) => state === 'refused') ? EXIT_REFUSED : 0;
  const data = { apiVersion: 'pullpass.dev/v1alpha1', kind: 'Verification', checks };
  if (output === 'json') return { text: `${JSON.stringify(data, undefined, 2)}\n`, exitCode };
  if (output === 'yaml') return { text: stringify(data), exitCode };
  const c = picocolors.createColors(color);
  const paint = { accepted: c.green, verified: c.green, refused: c.red, unknown: c.yellow };
  const table = new Table({ head: ['WHAT', 'SOURCE', 'NAME', 'STATE', 'WHY'], style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 }, chars: NO_BORDERS });
  for (const { what, source, name, state, why, expires } of checks) table.push([what, source, name, paint[state](state), expires === undefined ? why : `${why}; the token ends ${expires}`]);
  const refused = checks.filter(({ state }) => state === 'refused').length;
  const unknown = checks.filter(({ state }) => state === 'unknown').length;
  const summary = refused > 0 ? c.red(`${refused} of ${checks.length} refused.`) : unknown > 0 ? `None refused; ${unknown} of ${checks.length} unknown.` : c.green(`All ${checks.length} good.`);
  return { text: `${table.toString().split('\n').map((line) => line.trimEnd()).join('\n')}\n\n${summary}\n`, exitCode };
}
