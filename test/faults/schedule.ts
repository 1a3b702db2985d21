/** What happens in a run, from its seed alone. Pure: the same seed gives the same steps, whatever the servers make of them. */
import { random } from '../safety/random.ts';
import type { ProxyFault } from './proxy.ts';

export const NAMESPACES = ['team-0', 'team-1', 'team-2', 'team-3', 'team-4', 'team-5', 'team-6', 'team-7', 'kube-team'];
export const ACCOUNTS = ['default', 'app-0', 'app-1'];
/** The second has a canary. */
export const SOURCES = ['corp', 'hub'] as const;
export type SourceName = (typeof SOURCES)[number];

export type Operation =
  /** A tenant's words. `null`: the annotation goes. */
  | {
      readonly do: 'annotate';
      readonly namespace: string;
      readonly annotations: Readonly<Record<string, string | null>>;
    }
  | {
      readonly do: 'annotate account';
      readonly namespace: string;
      readonly account: string;
      readonly sync: string | null;
    }
  | { readonly do: 'make account' | 'delete account'; readonly namespace: string; readonly account: string }
  | { readonly do: 'make namespace' | 'delete namespace'; readonly namespace: string }
  /** Another writer's own entries in the list: it loses nobody's; `only` knows none but its own. */
  | {
      readonly do: 'add entry' | 'remove entry' | 'only own entries';
      readonly namespace: string;
      readonly account: string;
      readonly entry: string;
    }
  /** Resets the list each time that somebody changes it, for a while: as Argo CD does. */
  | { readonly do: 'undo for ever'; readonly namespace: string; readonly account: string; readonly ms: number }
  | {
      readonly do:
        'forge copy' | 'delete copy' | 'strip copy' | 'lock copy' | 'hold copy' | 'foreign Secret' | 'adopt' | 'let go';
      readonly namespace: string;
      readonly source: SourceName;
    }
  | { readonly do: 'good source' | 'bad source' | 'empty source' | 'no source'; readonly source: SourceName }
  | { readonly do: 'pause' | 'resume' }
  /** So many namespaces at once, opted in; they go again later. */
  | { readonly do: 'many namespaces' | 'no more of them'; readonly count: number }
  /** Of those, the ones that have no copy yet: no removal. */
  | { readonly do: 'many opt out'; readonly count: number }
  | { readonly do: 'fault'; readonly fault: ProxyFault; readonly ms: number }
  | { readonly do: 'freeze' | 'kill' | 'terminate'; readonly replica: number; readonly ms: number }
  /** The leader is frozen in the midst of so many opt-ins, and woken when another leads and most have opted out. */
  | { readonly do: 'depose'; readonly count: number }
  | { readonly do: 'move clock'; readonly replica: number; readonly ms: number }
  | { readonly do: 'kill server'; readonly ms: number }
  | { readonly do: 'backup' | 'restore' | 'compact' | 'new token' | 'new CA' }
  /** Faults end, and all must converge. */
  | { readonly do: 'calm' };

export interface Step {
  readonly number: number;
  readonly waitMs: number;
  readonly operation: Operation;
}

export interface ScheduleOptions {
  readonly steps: number;
  readonly replicas: number;
  /** How many namespaces at once; 0: never. */
  readonly many: number;
  /** Between two calms. */
  readonly calmEvery: number;
  /** One in so many steps is this one. */
  readonly focus?: { readonly on: Focus; readonly oneIn: number };
}

export type Focus = 'depose' | 'lock copy' | 'undo for ever' | 'restore' | 'good source';

const HOUR = 3_600_000;
/** Enough that some are not done when the leader is frozen. */
const DEPOSED = 300;
const WRITES = ['create', 'update', 'patch', 'delete'];

export function schedule(seed: number, { steps, replicas, many, calmEvery, focus }: ScheduleOptions): Step[] {
  const next = random(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] as T;
  const between = (low: number, high: number): number => Math.floor(low + next() * (high - low));
  const namespace = (): string => pick(NAMESPACES);
  const place = (): { namespace: string; account: string } => ({ namespace: namespace(), account: pick(ACCOUNTS) });
  const copy = (): { namespace: string; source: SourceName } => ({ namespace: namespace(), source: pick(SOURCES) });
  const replica = (): number => between(0, replicas);
  const agent = (): { agent?: string } => (next() < 0.5 ? {} : { agent: `replica-${replica()}` });
  const scope = (): Partial<ProxyFault> => ({
    ...agent(),
    ...(next() < 0.5 && { resource: pick(['secrets', 'serviceaccounts', 'leases', 'namespaces']) }),
    ...(next() < 0.5 && { oneIn: between(2, 4) }),
  });
  const fault = (kind: object, low: number, high: number): Operation => ({
    do: 'fault',
    fault: { ...scope(), ...kind } as ProxyFault,
    ms: between(low, high),
  });

  const operations: readonly (readonly [weight: number, make: () => Operation])[] = [
    [
      60,
      () => ({
        do: 'annotate',
        namespace: namespace(),
        annotations: { 'pullpass.dev/sync': pick(['enabled', 'enabled', 'enabled', 'disabled', null, 'yes']) },
      }),
    ],
    [
      15,
      () => ({
        do: 'annotate',
        namespace: namespace(),
        annotations: { 'pullpass.dev/service-accounts': pick([null, '*', 'app-*,!app-1', 'default']) },
      }),
    ],
    [
      10,
      () => ({
        do: 'annotate',
        namespace: namespace(),
        annotations: { 'pullpass.dev/sources': pick([null, null, 'corp', 'hub', 'corp,hub', 'unknown']) },
      }),
    ],
    [10, () => ({ do: 'annotate account', ...place(), sync: pick([null, null, 'enabled', 'disabled']) })],
    [15, () => ({ do: 'make account', ...place() })],
    [8, () => ({ do: 'delete account', ...place() })],
    [4, () => ({ do: 'delete namespace', namespace: namespace() })],
    [12, () => ({ do: 'make namespace', namespace: namespace() })],
    [50, () => ({ do: 'add entry', ...place(), entry: `own-${between(0, 6)}` })],
    [30, () => ({ do: 'remove entry', ...place(), entry: `own-${between(0, 6)}` })],
    [12, () => ({ do: 'only own entries', ...place(), entry: `own-${between(0, 6)}` })],
    [1, () => ({ do: 'undo for ever', ...place(), ms: between(1_500, 3_000) })],
    [10, () => ({ do: 'forge copy', ...copy() })],
    [10, () => ({ do: 'delete copy', ...copy() })],
    [5, () => ({ do: 'strip copy', ...copy() })],
    [6, () => ({ do: 'lock copy', ...copy() })],
    [3, () => ({ do: 'hold copy', ...copy() })],
    [8, () => ({ do: 'foreign Secret', ...copy() })],
    [5, () => ({ do: 'adopt', ...copy() })],
    [12, () => ({ do: 'let go', ...copy() })],
    [14, () => ({ do: 'good source', source: pick(SOURCES) })],
    [8, () => ({ do: 'bad source', source: pick(SOURCES) })],
    [4, () => ({ do: 'empty source', source: pick(SOURCES) })],
    [2, () => ({ do: 'no source', source: pick(SOURCES) })],
    [1, () => ({ do: 'pause' })],
    [4, () => ({ do: 'resume' })],
    [1.2, () => fault({ kind: 'status', code: 429, retryAfterSeconds: 1 }, 200, 1_500)],
    [1.2, () => fault({ kind: 'status', code: pick([409, 422]), verbs: WRITES }, 200, 1_500)],
    [1.2, () => fault({ kind: 'status', code: pick([500, 503, 504]) }, 200, 1_500)],
    [0.4, () => fault({ kind: 'status', code: 500, verbs: WRITES, message: NO_SPACE }, 200, 1_500)],
    [0.8, () => fault({ kind: 'html', code: pick([200, 403, 502]) }, 200, 1_500)],
    [1.2, () => fault({ kind: 'reset' }, 200, 1_500)],
    [1.2, () => fault({ kind: 'reset-after', oneIn: 2 }, 200, 1_500)],
    [1.2, () => fault({ kind: 'reset-in-body', oneIn: 2 }, 200, 1_500)],
    [1.2, () => fault({ kind: 'slow', milliseconds: between(20, 400) }, 300, 2_000)],
    [0.8, () => fault({ kind: 'late', milliseconds: between(500, 3_500), verbs: WRITES, oneIn: 3 }, 300, 2_000)],
    [0.4, () => fault({ kind: 'hang' }, 300, 2_500)],
    [1.2, () => fault({ kind: 'drop-watch' }, 1, 500)],
    [0.8, () => fault({ kind: 'stall-watch' }, 1, 500)],
    [0.8, () => fault({ kind: 'duplicate-watch' }, 500, 3_000)],
    [0.4, () => fault({ kind: 'plain-watch' }, 500, 3_000)],
    [1, () => ({ do: 'freeze', replica: replica(), ms: between(500, 4_500) })],
    [0.1, () => ({ do: 'depose', count: DEPOSED })],
    [1, () => ({ do: 'kill', replica: replica(), ms: between(0, 1_500) })],
    [0.5, () => ({ do: 'terminate', replica: replica(), ms: between(0, 1_500) })],
    [1, () => ({ do: 'move clock', replica: replica(), ms: pick([-HOUR, HOUR, -60_000, 60_000, -24 * HOUR]) })],
    [0.5, () => ({ do: 'kill server', ms: between(100, 1_500) })],
    [2, () => ({ do: 'backup' })],
    [0.5, () => ({ do: 'restore' })],
    [2, () => ({ do: 'compact' })],
    [1, () => ({ do: 'new token' })],
    [0.3, () => ({ do: 'new CA' })],
  ];
  const total = operations.reduce((sum, [weight]) => sum + weight, 0);
  const focused = {
    depose: () => ({ do: 'depose', count: DEPOSED }),
    'lock copy': () => ({ do: 'lock copy', ...copy() }),
    'undo for ever': () => ({ do: 'undo for ever', ...place(), ms: 3_000 }),
    restore: () => ({ do: 'restore' }),
    'good source': () => ({ do: 'good source', source: pick(SOURCES) }),
  } as const satisfies Record<Focus, () => Operation>;
  const draw = (): Operation => {
    if (focus !== undefined && next() < 1 / focus.oneIn) return focused[focus.on]();
    let at = next() * total;
    for (const [weight, make] of operations) if ((at -= weight) < 0) return make();
    return { do: 'resume' };
  };
  const manyAt = many === 0 ? 0 : between(Math.floor(steps / 4), Math.floor(steps / 2));

  return Array.from({ length: steps }, (_, i): Step => {
    const number = i + 1;
    const waitMs = next() < 0.02 ? between(50, 250) : between(0, 5);
    const drawn = draw();
    if (number === steps || number % calmEvery === 0) return { number, waitMs, operation: { do: 'calm' } };
    if (number === manyAt) return { number, waitMs, operation: { do: 'many namespaces', count: many } };
    if (manyAt > 0 && number === manyAt + Math.floor(calmEvery / 2))
      return { number, waitMs, operation: { do: 'no more of them', count: many } };
    return { number, waitMs, operation: drawn };
  });
}

/** What an API server says while its etcd's disk is full. */
const NO_SPACE = 'etcdserver: mvcc: database space exceeded';

/** One line for a person. */
export function describe({ number, operation }: Step): string {
  const { do: what, ...rest } = operation;
  const shown = JSON.stringify(rest).replaceAll('"', '').slice(1, -1);
  return `${number} ${what}${shown === '' ? '' : ` ${shown}`}`;
}
