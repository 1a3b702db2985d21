/** Plays one scenario on one product, and asks both sides: Pullpass, and skopeo. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Finished } from '../sandbox/demo/pullpass.ts';
import { judge } from './judge.ts';
import type { Said, Truth } from './judge.ts';
import type { PullerResult } from './puller.ts';
import { FIRST } from './scenarios.ts';
import type { Scenario } from './scenarios.ts';
import { createWorld, PROBED, PULLED } from './world.ts';
import type { Programs, Subject, World } from './world.ts';

export interface Row {
  readonly subject: string;
  readonly scenario: string;
  readonly said: Said;
  readonly truth: Truth;
  readonly puller?: PullerResult;
  readonly seconds: number;
  /** Empty: it holds. */
  readonly differ: readonly string[];
}

/** The metric and the controller follow on their own schedule: every ten seconds here. */
const METRIC_SECONDS = 25;
const START_SECONDS = 90;

/** A row that cannot be played does not hold. */
export async function playRow(
  subject: Subject,
  scenario: Scenario,
  programs: Programs,
  stop: AbortSignal,
): Promise<Row> {
  try {
    return await play(subject, scenario, programs, stop);
  } catch (error) {
    stop.throwIfAborted();
    const why = error instanceof Error ? error.message : String(error);
    return {
      subject: subject.title,
      scenario: scenario.name,
      said: { wait: { exit: null, text: '' }, verify: { exit: null, state: 'nothing', why: '' }, metric: 'nothing' },
      truth: { cache: false, upstream: false, why: '' },
      seconds: 0,
      differ: [`it could not be played: ${why}`],
    };
  }
}

async function play(subject: Subject, scenario: Scenario, programs: Programs, stop: AbortSignal): Promise<Row> {
  const startedAt = performance.now();
  await using cleanUp = new AsyncDisposableStack();
  const expected = scenario.expectedOf?.[subject.kind] ?? scenario.expected;
  const world = await createWorld({ subject, programs, verify: scenario.verify, first: FIRST, signal: stop, cleanUp });
  await makeWell(world);
  const { old, afterwards, fresh } = await scenario.change(world);
  const wait = (): Promise<Finished> =>
    world.run('wait', '--source', 'upstream', '--timeout', String(scenario.patience));
  const rotation = expected.wait === undefined ? undefined : await wait();
  const revoked = rotation?.code === 0 && old !== undefined;
  if (revoked) world.upstream.revoke(old.username);
  const puller = await afterwards?.();

  const first = await look(world, fresh);
  const { isPulled: cache, why } = first;
  const asked = { verify: await verify(world), metric: await metric(world, expected.verify) };
  // Where nothing rotates, it says what the controller knows: after its next look at the cache.
  const { code, stdout, stderr } = rotation ?? (await wait());
  const said: Said = { wait: { exit: code, text: lineOf(code, code === 0 ? stdout : stderr) }, ...asked };
  const truth: Truth = {
    cache,
    upstream: first.isAtUpstream,
    why,
    ...(revoked && { afterRevocation: cache && (puller?.failed ?? 0) === 0 }),
  };
  const differ = judge(said, truth, expected);
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  return {
    subject: subject.title,
    scenario: scenario.name,
    said,
    truth,
    ...(puller !== undefined && { puller }),
    seconds,
    differ,
  };
}

/** The first login has arrived, and the cache holds something. */
async function makeWell(world: World): Promise<void> {
  const { cluster, cache, oracle } = world;
  await cluster
    .until('the cache is up', async () => cache.isUp(), START_SECONDS)
    .catch((error: unknown) => {
      throw new Error(`${String(error)}: ${world.crashes.join('; ')}; ${world.controller.log.slice(-3).join('; ')}`);
    });
  const { code, stderr } = await world.run('wait', '--source', 'upstream', '--timeout', String(START_SECONDS));
  if (code !== 0) throw new Error(`the first login did not arrive: ${stderr.trim()}`);
  for (const repository of [PROBED, PULLED]) {
    const tag = await oracle.push(repository);
    const { ok, why } = await oracle.pull(cache, repository, tag);
    if (!ok) throw new Error(`the cache does not pull with the first login: ${why}`);
    await cache.stored(repository);
  }
  // For the proofs of the row.
  for (let i = 0; i < 3; i++) await oracle.push(PROBED);
}

/** An image that nobody pulled before: through the cache, and from the upstream itself. */
async function look(
  { oracle, cache }: World,
  fresh: string | undefined,
): Promise<{
  isPulled: boolean;
  isAtUpstream: boolean;
  why: string;
}> {
  const tag = fresh ?? (await oracle.push(PULLED));
  const { ok, why } = await oracle.pull(cache, PULLED, tag);
  return { isPulled: ok, why, isAtUpstream: (await oracle.pull('upstream', PULLED, tag)).ok };
}

async function verify(world: World): Promise<Said['verify']> {
  const { code, stdout, stderr } = await world.run('verify', '--output', 'json');
  try {
    const { checks } = JSON.parse(stdout) as {
      checks: { what: string; state: string; reason?: string; why: string }[];
    };
    const check = checks.find(({ what }) => what === 'cache proxy');
    if (check === undefined) return { exit: code, state: 'nothing', why: stdout };
    const { state, reason, why } = check;
    return { exit: code, state: reason === undefined ? state : `${state}: ${reason}`, why };
  } catch {
    return { exit: code, state: 'nothing', why: stderr.trim() };
  }
}

/** Waits until it says what it should, or had its time. */
async function metric({ controller }: World, expected: readonly string[]): Promise<string> {
  for (const until = performance.now() + METRIC_SECONDS * 1000; ; await delay(500)) {
    const text = await controller.metrics();
    const state = /^pullpass_proxy_verified\{[^}]*state="([^"]+)"[^}]*\} 1$/m.exec(text)?.[1] ?? 'nothing';
    if (expected.some((one) => state.startsWith(one)) || performance.now() > until) return state;
  }
}

/** The line that counts: the first one if it is complete, else the last thing that is behind. */
function lineOf(exit: number | null, text: string): string {
  const lines = text.trim().split('\n');
  return (exit === 0 ? lines[0] : lines.at(-1))?.trim() ?? '';
}
