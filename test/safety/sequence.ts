/** Generated sequences over sources, entries, canaries, restarts and leaders, judged after every step by what namespaces hold. */
import { CANARY_SECONDS, createCluster, entry, hashOf, NAMESPACES } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import { base64 } from '../sources/worlds.ts';
import { random } from './random.ts';

const KEYS = ['a.test', 'b.test', 'c.test/team', 'd.test:5000'];

export interface Outcome {
  readonly steps: number;
  /** How often namespaces were written. */
  readonly writes: number;
  /** The first thing that must never be, with the steps that led there; undefined: none. */
  readonly broken?: string;
}

type Auths = Record<string, { username?: string; password?: string; auth?: string; identitytoken?: string }>;
const authsOf = (content: string): Auths => (JSON.parse(content) as { auths: Auths }).auths;
const hostOf = (key: string): string => key.split('/')[0] ?? key;

export async function runSequence(seed: number, steps: number): Promise<Outcome> {
  const next = random(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] as T;
  const chance = (p: number): boolean => next() < p;
  const verify = pick(['auto', 'enforce'] as const);
  const cluster = await createCluster({ verify });
  const { registry, copies } = cluster;
  const trace: string[] = [];
  const judge = createJudge(cluster);
  let passwords = 0;
  let writes = 0;
  const history: Record<string, object>[] = [];
  let holds: Record<string, object> = {};

  const goodLogin = (key: string): object => {
    const password = `good-${++passwords}`;
    registry.valid.add(`${hostOf(key)} robot:${password}`);
    registry.everGood.add(`${hostOf(key)} robot:${password}`);
    return entry('robot', password);
  };
  const badEntries: ((key: string) => object)[] = [
    () => entry('robot', `bad-${++passwords}`),
    () => ({}),
    () => ({ username: 'robot', password: '' }),
    () => ({ auth: base64('0000:'), identitytoken: 'token' }),
    () => ({ username: 'robot', password: `bad-${++passwords}`, auth: base64(`robot:bad-${passwords}-other`) }),
    (key) => {
      // The new one is good, and beside it stands a forgotten one.
      const { password = '' } = goodLogin(key) as { password?: string };
      return { username: 'robot', password, auth: base64(`robot:old-${passwords}`) };
    },
    () => ({ auth: Buffer.from('robot:\xff\xfe', 'latin1').toString('base64') }),
  ];
  const write = (confirm?: string): Promise<void> =>
    cluster.setSource(JSON.stringify({ auths: holds, ...(chance(0.1) && { credsStore: 'desktop' }) }), confirm);

  const moves: [weight: number, name: string, run: () => Promise<void> | void][] = [
    [
      10,
      'good edit',
      async () => {
        const key = pick(KEYS);
        history.push({ ...holds });
        holds = { ...holds, [key]: goodLogin(key) };
        await write();
      },
    ],
    [
      8,
      'bad edit',
      async () => {
        const key = pick(KEYS);
        history.push({ ...holds });
        holds = { ...holds, [key]: pick(badEntries)(key) };
        await write();
      },
    ],
    [
      4,
      'an entry goes',
      async () => {
        history.push({ ...holds });
        const key = pick(KEYS);
        holds = Object.fromEntries(Object.entries(holds).filter(([each]) => each !== key));
        await write();
      },
    ],
    [
      3,
      'taken back',
      async () => {
        const before = history.pop();
        if (before !== undefined) {
          holds = before;
          await write();
        }
      },
    ],
    [
      2,
      'garbage',
      () => cluster.setSource(pick(['{', '', 'bm90IGpzb24=', '{"auths":{"a.test":{"auth":"!"}}}', '{"auths":{}}'])),
    ],
    [1, 'the source is deleted', () => cluster.setSource(undefined)],
    [2, 'mended', async () => write()],
    [
      3,
      'confirmed',
      async () => {
        const word = cluster.word();
        if (word !== undefined) {
          judge.confirmed(holds);
          await write(word);
        }
      },
    ],
    [2, 'confirmed with another word', async () => write(pick(['0123456789ab', '']))],
    [
      3,
      'revoked upstream',
      () => {
        const old = [...registry.valid].filter((login) => !judge.isInForce(login));
        if (old.length > 0) registry.valid.delete(pick(old));
      },
    ],
    // With `auto` an unreachable registry lets anything through, by design.
    [
      verify === 'enforce' ? 2 : 0,
      'the registry goes down',
      () => {
        registry.down = true;
      },
    ],
    [
      3,
      'the registry is up',
      () => {
        registry.down = false;
      },
    ],
    [
      20,
      'reconciled',
      () => {
        for (const namespace of NAMESPACES)
          if (chance(0.4)) writes += judge.written(namespace, cluster.reconcile(namespace));
      },
    ],
    [6, 'time passes', () => cluster.pass(pick([5_000, 20_000, CANARY_SECONDS * 1000, 10 * 60_000, 40 * 60_000]))],
    [5, 'a restart', () => cluster.restart()],
    [2, 'the state cannot be written', () => cluster.failSaves()],
    [
      3,
      'pulls fail at a canary',
      () => {
        const [canary] = cluster.canaries();
        const namespace = canary ?? 'n0';
        const images = cluster.failing.get(namespace) ?? new Set();
        images.add(pick(['a.test/app:1', 'b.test/app:1', 'elsewhere.test/typo:1']));
        cluster.failing.set(namespace, images);
      },
    ],
    [3, 'pulls heal', () => cluster.failing.clear()],
    [
      2,
      'a tenant blocks its copy',
      () => {
        if (cluster.blocked.size < NAMESPACES.length / 2) cluster.blocked.add(pick(NAMESPACES));
      },
    ],
    [
      2,
      'a tenant lets go',
      () => {
        cluster.blocked.clear();
      },
    ],
    [
      1,
      'a copy is deleted',
      () => {
        copies.delete(pick(NAMESPACES));
        return cluster.restart();
      },
    ],
    [
      1,
      'a tenant forges a copy',
      () => {
        copies.set(pick(NAMESPACES), JSON.stringify({ auths: { 'a.test': entry('robot', 'forged') } }));
        return cluster.restart();
      },
    ],
    [
      1,
      'the canary is switched',
      () => {
        cluster.canary = !cluster.canary;
        return cluster.reconfigure();
      },
    ],
  ];
  const total = moves.reduce((sum, [weight]) => sum + weight, 0);

  try {
    for (let step = 1; step <= steps; step++) {
      let left = next() * total;
      const [, name, run] = moves.find(([weight]) => (left -= weight) < 0) ?? moves[0] ?? [0, '', () => undefined];
      trace.push(`${step} ${name}`);
      await run();
      const broken = judge.broken();
      if (broken !== undefined)
        return {
          steps: step,
          writes,
          broken: `${broken}\n  seed ${seed}, verify ${verify}, step ${step}: ${trace.slice(-25).join('; ')}`,
        };
    }
    return { steps, writes, ...(await converges(cluster, judge, goodLogin)) };
  } finally {
    cluster.stop();
  }
}

/** In the end, with a registry that answers and a source that is good, everybody has what it holds who can be given it. */
async function converges(
  cluster: Cluster,
  judge: Judge,
  goodLogin: (key: string) => object,
): Promise<Pick<Outcome, 'broken'>> {
  cluster.registry.down = false;
  cluster.failing.clear();
  // A canary whose tenant lets nothing in, for good.
  cluster.blocked.clear();
  cluster.blocked.add(NAMESPACES[0] ?? '');
  cluster.canary = true;
  await cluster.reconfigure();
  const holds = Object.fromEntries(KEYS.map((key) => [key, goodLogin(key)]));
  await cluster.setSource(JSON.stringify({ auths: holds }));
  for (let i = 0; i < 12; i++) {
    await cluster.pass((7 * 3_600_000) / 12);
    for (const namespace of NAMESPACES) judge.written(namespace, cluster.reconcile(namespace));
  }
  const broken = judge.broken();
  if (broken !== undefined) return { broken };
  const late = NAMESPACES.filter(
    (namespace) =>
      !cluster.blocked.has(namespace) &&
      KEYS.some(
        (key) =>
          authsOf(cluster.copies.get(namespace) ?? '{"auths":{}}')[key]?.password !==
          (holds[key] as { password: string }).password,
      ),
  );
  return late.length === 0 ? {} : { broken: `not everybody has what the source holds in the end: ${late.join(', ')}` };
}

interface Judge {
  /** The controller wrote this into the namespace. 1 when it did. */
  written(namespace: string, content: string | undefined): number;
  /** Whoever confirmed knows that nothing but these is left. */
  confirmed(holds: Record<string, object>): void;
  isInForce(login: string): boolean;
  broken(): string | undefined;
}

/** Knows nothing of how the controller decides: only what registries ever took, what was written where and when, and what failed. */
function createJudge(cluster: Cluster): Judge {
  const { registry } = cluster;
  let broken: string | undefined;
  /** Contents that everybody may have, and when a canary had one first. */
  const passed = new Set<string>();
  const firstAtCanary = new Map<string, { at: number; failing: ReadonlySet<string> }>();
  const mayGo = new Set<string>();
  let last: string | undefined;
  /** What namespaces held before this step. */
  let before = new Map<string, string>();
  const logins = (content: string): string[] =>
    Object.entries(authsOf(content)).map(
      ([key, { auth = '' }]) => `${hostOf(key)} ${Buffer.from(auth, 'base64').toString()}`,
    );
  const failingOf = (namespace: string): Set<string> =>
    new Set([...(cluster.failing.get(namespace) ?? [])].filter((image) => !image.startsWith('elsewhere')));

  return {
    written(namespace, content) {
      if (content === undefined) return 0;
      const what = `${namespace} was given ${hashOf(content)}`;
      const never = logins(content).filter((login) => !registry.everGood.has(login));
      if (never.length > 0) broken ??= `${what} with a login that was never good: ${never.join(', ')}`;
      const odd = Object.entries(authsOf(content)).filter(
        ([, { username, password, auth }]) => !username || !password || auth !== base64(`${username}:${password}`),
      );
      if (odd.length > 0)
        broken ??= `${what} with an entry that is no usable login: ${odd.map(([key]) => key).join(', ')}`;
      const isCanary = cluster.canaries().has(namespace);
      if (isCanary) {
        if (!firstAtCanary.has(content))
          firstAtCanary.set(content, { at: cluster.now(), failing: failingOf(namespace) });
        return 1;
      }
      const trial = firstAtCanary.get(content);
      if (
        cluster.canary &&
        passed.size > 0 &&
        !passed.has(content) &&
        trial !== undefined &&
        cluster.now() - trial.at < CANARY_SECONDS * 1000
      )
        broken ??= `${what}, which a canary has for ${(cluster.now() - trial.at) / 1000} s only`;
      if (last !== undefined && last !== content && !passed.has(content)) {
        const keys = new Set(Object.keys(authsOf(content)));
        // What no namespace holds any more is lost to everybody, the controller too.
        const held = new Set(
          [...before.values()].filter((each) => passed.has(each)).flatMap((each) => Object.keys(authsOf(each))),
        );
        const lost = Object.keys(authsOf(last)).filter((key) => !keys.has(key) && held.has(key) && !mayGo.has(key));
        if (lost.length > 0) broken ??= `${what} without ${lost.join(', ')}, and nobody let it go`;
      }
      passed.add(content);
      last = content;
      return 1;
    },
    confirmed(holds) {
      for (const key of KEYS) if (!(key in holds)) mayGo.add(key);
    },
    isInForce: (login) => [...cluster.copies.values()].some((content) => logins(content).includes(login)),
    broken() {
      for (const [account, times] of registry.refusedAt) {
        const recent = times.filter((at) => at > cluster.now() - 5 * 60_000);
        if (recent.length > 4) broken ??= `${account} was refused ${recent.length} times within five minutes`;
      }
      before = new Map(cluster.copies);
      // Without a canary in the configuration everybody may have what is in force at once.
      const newest = cluster.newest();
      if (!cluster.canary && newest !== undefined) passed.add(newest);
      return broken;
    },
  };
}
