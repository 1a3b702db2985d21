/** `pullpass verify`: tries every credential at its registry, and every cache proxy with a private pull through it. */
import { createColors } from 'picocolors';
import type { Configuration } from '../config/schema.ts';
import { redactKey } from '../credentials/registry-name.ts';
import { WHY_CONTRADICTORY, WHY_UNUSABLE } from '../credentials/usable-login.ts';
import type { KubeClient } from '../kube/client.ts';
import { createRefusals } from '../observe/refusals.ts';
import type { UnknownReason } from '../plan/proxy.ts';
import { createReach } from '../proxies/reach.ts';
import type { Reach } from '../proxies/reach.ts';
import type { End } from '../sources/ends.ts';
import { createPreflight } from '../sources/preflight.ts';
import { readSource } from '../sources/reading.ts';
import { readCluster } from '../sources/snapshot.ts';
import type { Snapshot } from '../sources/snapshot.ts';
import { withConfiguration } from './configuration.ts';
import type { Environment } from './environment.ts';
import type { Configured } from './options.ts';
import { render, table } from './output.ts';
import { checkProxies } from './verify-proxy.ts';
import type { Output } from './output.ts';

export interface Flags extends Configured {
  output: Output;
  failOn: FailOn;
}

export async function run(env: Environment, flags: Flags): Promise<void> {
  const reach = createReach({ userAgent: env.userAgent, egress: env.egress });
  try {
    const checks = await withConfiguration(env, flags, async (client, configuration) => {
      const snapshot = await readCluster(client, configuration, flags.controllerNamespace, flags.namespaces);
      return runChecks({ client, configuration, reach, signal: env.untilInterrupted(), snapshot });
    });
    const { text, exitCode } = renderChecks(checks, flags.output, env.colors, flags.failOn);
    env.writeOut(text);
    env.exitWith(exitCode);
  } finally {
    await reach.close();
  }
}

/**
 * One line of the result. `state`: accepted and verified are good, refused is bad; unknown: there is no verdict;
 * unusable: there is no login to try.
 */
export interface Check {
  readonly what: 'credential' | 'cache proxy' | 'made by a cache proxy';
  readonly source: string;
  /** Registry key, or the name of the cache proxy. */
  readonly name: string;
  readonly state: 'accepted' | 'verified' | 'refused' | 'unusable' | 'unknown';
  /** Why a cache proxy is unknown. */
  readonly reason?: UnknownReason;
  /** How it is known, or why it is not. */
  readonly why: string;
  /** ISO 8601: when the login ends, if anything says so, and what does. */
  readonly expires?: string;
  readonly expiresBy?: End['by'];
}

interface VerifyOptions {
  client: KubeClient;
  configuration: Configuration;
  snapshot: Snapshot;
  reach: Reach;
  signal: AbortSignal;
}

const EXIT_REFUSED = 3;

const SAYS: Readonly<Record<End['by'], string>> = {
  token: 'the token ends',
  annotation: 'by its annotation it ends',
  maxAge: 'by maxAge it ends',
};

/**
 * In the order of the configuration: the current entries of the sources, then the cache proxies. Each login is tried once per
 * host, and not at all if a registry refused it recently: registries lock accounts after a few failures.
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
    const doubt = book.doubt(source.name);
    const troubles = [...book.troubles(source.name), ...(doubt === undefined ? [] : [doubt])].map(
      (why): Promise<Check> => Promise.resolve({ ...at, name: source.secret.name, state: 'unknown', why }),
    );
    return [
      ...troubles,
      ...own.map(async (credential): Promise<Check> => {
        const end = book.end(source.name, credential);
        const check = {
          ...at,
          name: redactKey(credential.key),
          ...(end && { expires: new Date(end.at).toISOString(), expiresBy: end.by }),
        };
        const { unusable, contradictory } = credential;
        if (unusable !== undefined) return { ...check, state: 'unusable', why: WHY_UNUSABLE[unusable] };
        if (contradictory) return { ...check, state: 'unusable', why: WHY_CONTRADICTORY };
        const { state: verdict, why } = await preflight.attempt(credential);
        return { ...check, state: verdict, why };
      }),
    ];
  });
  const proxies = checkProxies({ client, configuration, snapshot, reach, signal }).then((checks) =>
    checks.map(({ proxy: { name, source }, what, verdict }): Check => ({
      what: what === undefined ? 'cache proxy' : 'made by a cache proxy',
      source,
      name: what === undefined ? name : `${name}: ${what}`,
      ...verdict,
    })),
  );
  try {
    return [...(await Promise.all(logins)), ...(await proxies)];
  } finally {
    preflight.stop();
  }
}

type FailOn = 'refused' | 'unknown';

/** The text ends with a line break. Exit status 3 if a check fails. */
export function renderChecks(
  checks: readonly Check[],
  output: Output,
  color: boolean,
  failOn: FailOn = 'refused',
): { text: string; exitCode: number } {
  const bad = checks.filter(isBad).length;
  const unknown = checks.filter((check) => check.state === 'unknown' && !isBad(check)).length;
  const data = { apiVersion: 'pullpass.dev/v1alpha1', kind: 'Verification', checks };
  return {
    text: render(output, data, () => checksText(checks, { bad, unknown }, color)),
    exitCode: bad > 0 || (failOn === 'unknown' && unknown > 0) ? EXIT_REFUSED : 0,
  };
}

/** No pull through a cache proxy that does not answer works, whatever its login. */
const isBad = ({ state, reason }: Check): boolean => state === 'refused' || state === 'unusable' || reason === 'cache';

function checksText(
  checks: readonly Check[],
  { bad, unknown }: { bad: number; unknown: number },
  color: boolean,
): string {
  const c = createColors(color);
  const paint = { accepted: c.green, verified: c.green, refused: c.red, unusable: c.red, unknown: c.yellow };
  const rows = checks.map(({ what, source, name, state, reason, why, expires, expiresBy }) => [
    what,
    source,
    name,
    paint[state](reason === undefined ? state : `${state}: ${reason}`),
    expires === undefined ? why : `${why}; ${SAYS[expiresBy ?? 'token']} ${expires}`,
  ]);
  const also = unknown === 0 ? '' : ` ${unknown} unknown.`;
  const summary =
    bad > 0
      ? `${c.red(`${bad} of ${checks.length} refused, unusable or without an answer.`)}${also}`
      : unknown > 0
        ? `None refused; ${unknown} of ${checks.length} unknown.`
        : c.green(`All ${checks.length} good.`);
  return `${table(['WHAT', 'SOURCE', 'NAME', 'STATE', 'WHY'], rows)}\n\n${summary}\n`;
}
