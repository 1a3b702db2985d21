/** `pullpass verify`: every credential at its registry, every cache proxy by a private pull through it. */
import Table from 'cli-table3';
import picocolors from 'picocolors';
import { stringify } from 'yaml';
import type { Configuration } from '../config/schema.ts';
import { redactKey } from '../credentials/registry-name.ts';
import { loginExpiry } from '../credentials/token-expiry.ts';
import { WHY_CONTRADICTORY, WHY_UNUSABLE } from '../credentials/usable-login.ts';
import type { KubeClient } from '../kube/client.ts';
import { createProxies } from '../proxies/kinds.ts';
import { createProxyKube } from '../proxies/kube.ts';
import { createPreflight } from '../sources/preflight.ts';
import { readSource } from '../sources/reading.ts';
import { createRefusals } from '../observe/refusals.ts';
import type { Reach } from '../proxies/reach.ts';
import type { Snapshot } from '../sources/snapshot.ts';
import type { Output } from './plan.ts';
import { NO_BORDERS } from './table.ts';

/** One line of the result. `state`: accepted and verified are good, refused is not, unknown says nothing; unusable: there is nothing to try. */
export interface Check {
  readonly what: 'credential' | 'cache proxy';
  readonly source: string;
  /** Registry key, or the name of the cache proxy. */
  readonly name: string;
  readonly state: 'accepted' | 'verified' | 'refused' | 'unusable' | 'unknown';
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

/**
 * In the order of the configuration: what each source holds now, then cache proxies. One try a host and login, and none of
 * what the controller was refused with just now: accounts get locked by more.
 */
export async function runChecks({ client, configuration, snapshot, reach, signal }: VerifyOptions): Promise<Check[]> {
  const { book, state, world } = snapshot;
  const preflight = createPreflight({
    state,
    refusals: createRefusals(state),
    onVerdict: () => undefined,
    check: (credential, until) => reach.check(configuration, credential, AbortSignal.any([signal, until])),
  });
  const logins = configuration.sources.flatMap((source): Promise<Check>[] => {
    const { own = [] } = readSource(world, source, undefined);
    const at = { what: 'credential', source: source.name } as const;
    const troubles = book
      .troubles(source.name)
      .map((why): Promise<Check> => Promise.resolve({ ...at, name: source.secret.name, state: 'unknown', why }));
    return [
      ...troubles,
      ...own.map(async (credential): Promise<Check> => {
        const expires = loginExpiry(credential)?.toISOString();
        const check = { ...at, name: redactKey(credential.key), ...(expires !== undefined && { expires }) };
        const { unusable, contradictory } = credential;
        if (unusable !== undefined) return { ...check, state: 'unusable', why: WHY_UNUSABLE[unusable] };
        if (contradictory) return { ...check, state: 'unusable', why: WHY_CONTRADICTORY };
        const { state: verdict, why } = await preflight.attempt(credential);
        return { ...check, state: verdict, why };
      }),
    ];
  });
  const pulls = createProxies(configuration).map(async (proxy): Promise<Check> => {
    const { state: verdict, why } = await reach.probe(
      proxy,
      createProxyKube({ client, proxy: proxy.config.name, signal }),
      signal,
    );
    return { what: 'cache proxy', source: proxy.config.source, name: proxy.config.name, state: verdict, why };
  });
  try {
    return await Promise.all([...logins, ...pulls]);
  } finally {
    preflight.stop();
  }
}

/** The text ends with a line break. Exit status 3 when one is refused. */
export function renderChecks(
  checks: readonly Check[],
  output: Output,
  color: boolean,
): { text: string; exitCode: number } {
  const isBad = ({ state }: Check): boolean => state === 'refused' || state === 'unusable';
  const exitCode = checks.some(isBad) ? EXIT_REFUSED : 0;
  const data = { apiVersion: 'pullpass.dev/v1alpha1', kind: 'Verification', checks };
  if (output === 'json') return { text: `${JSON.stringify(data, undefined, 2)}\n`, exitCode };
  if (output === 'yaml') return { text: stringify(data), exitCode };
  const c = picocolors.createColors(color);
  const paint = { accepted: c.green, verified: c.green, refused: c.red, unusable: c.red, unknown: c.yellow };
  const table = new Table({
    head: ['WHAT', 'SOURCE', 'NAME', 'STATE', 'WHY'],
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    chars: NO_BORDERS,
  });
  for (const { what, source, name, state, why, expires } of checks)
    table.push([
      what,
      source,
      name,
      paint[state](state),
      expires === undefined ? why : `${why}; the token ends ${expires}`,
    ]);
  const refused = checks.filter(isBad).length;
  const unknown = checks.filter(({ state }) => state === 'unknown').length;
  const summary =
    refused > 0
      ? c.red(`${refused} of ${checks.length} refused or unusable.`)
      : unknown > 0
        ? `None refused; ${unknown} of ${checks.length} unknown.`
        : c.green(`All ${checks.length} good.`);
  return {
    text: `${table
      .toString()
      .split('\n')
      .map((line) => line.trimEnd())
      .join('\n')}\n\n${summary}\n`,
    exitCode,
  };
}
