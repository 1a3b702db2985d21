/** The rows: what happens in a world, and what Pullpass should be able to say of it. */
import { setTimeout as delay } from 'node:timers/promises';
import { CONTENT } from './caches.ts';
import type { Expected } from './judge.ts';
import { startPuller } from './puller.ts';
import type { PullerResult } from './puller.ts';
import type { Login } from './upstream.ts';
import { PROBED, PULLED, TIMES } from './world.ts';
import type { Subject, World } from './world.ts';

export interface Scenario {
  readonly name: string;
  /** Of the source. */
  readonly verify: 'off' | 'auto';
  /** It is about the node that the cache runs on. */
  readonly isAboutNode?: boolean;
  /** What changes once all is well; the world then waits. Gives what to do after `wait`. */
  change(world: World): Promise<Change>;
  readonly expected: Expected;
  /** Where a product differs. */
  readonly expectedOf?: Partial<Readonly<Record<Subject['kind'], Expected>>>;
  /** How long `wait` may take, in seconds. */
  readonly patience: number;
}

export interface Change {
  /** To be revoked, with its tokens, in the moment that `wait` exits 0. */
  readonly old?: Login;
  /** Called right after that; gives what the puller saw. */
  readonly afterwards?: () => Promise<PullerResult>;
  /** Pushed before the change, and never pulled: for a row in which nothing can be pushed any more. */
  readonly fresh?: string;
}

export const FIRST: Login = { username: 'robot-1', password: 'pw-of-1' };
const SECOND: Login = { username: 'robot-2', password: 'pw-of-2' };

/** Long enough for all that can still hold the old login to run out. */
const AFTERMATH_SECONDS = TIMES.mountSeconds + TIMES.lifetimeSeconds + TIMES.tokenSeconds + 3;
const ENOUGH = 60;
/** Where `wait` is not to end: time for a whole round of settling and proving. */
const ROUND = 40;

const noChange = (): Promise<Change> => Promise.resolve({});

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'good: the first login',
    verify: 'auto',
    change: noChange,
    expected: { wait: 0, verify: ['verified'] },
    patience: ENOUGH,
  },
  {
    name: 'rotated while images are pulled all the time; both logins valid; the old one revoked in the second that `wait` exits 0',
    verify: 'auto',
    async change(world) {
      const puller = startPuller(world.oracle, world.cache, PULLED);
      await rotate(world, SECOND);
      return {
        old: FIRST,
        async afterwards() {
          puller.mark();
          await delay(AFTERMATH_SECONDS * 1000);
          return puller.stop();
        },
      };
    },
    expected: { wait: 0, verify: ['verified'] },
    patience: ENOUGH,
  },
  {
    name: 'wrong password in the source, `verify: off`',
    verify: 'off',
    async change(world) {
      world.upstream.add(SECOND);
      await setLogin(world, { ...SECOND, password: 'wrong' });
      return {};
    },
    expected: { wait: 1, verify: ['refused'] },
    // It tries a login before it takes it, and goes on with the old one.
    expectedOf: { harbor: { wait: 1, verify: ['unknown'] } },
    patience: ROUND,
  },
  {
    name: 'wrong password in the source, `verify: auto`: held back',
    verify: 'auto',
    async change(world) {
      world.upstream.add(SECOND);
      await setLogin(world, { ...SECOND, password: 'wrong' });
      return {};
    },
    expected: { wait: 1, verify: ['verified'] },
    patience: ROUND,
  },
  {
    name: 'the current login revoked upstream, cold cache',
    verify: 'auto',
    async change({ upstream, kubelet, cache, cluster }) {
      upstream.revoke(FIRST.username);
      await kubelet.pause();
      await cache.empty();
      kubelet.resume();
      await cluster.until('the cache is up again', async () => cache.isUp());
      return {};
    },
    expected: { verify: ['refused'] },
    patience: 5,
  },
  {
    name: 'the current login revoked upstream, warm cache',
    verify: 'auto',
    async change({ upstream }) {
      upstream.revoke(FIRST.username);
      return {};
    },
    expected: { verify: ['refused'] },
    patience: 5,
  },
  {
    name: 'rotated, but the cache goes on with the old login, which is revoked; the new one is good',
    verify: 'auto',
    isAboutNode: true,
    async change(world) {
      await world.kubelet.freeze();
      await rotate(world, SECOND);
      world.upstream.revoke(FIRST.username);
      return {};
    },
    expected: { wait: 1, verify: ['refused'] },
    patience: ROUND,
  },
  {
    name: "the cache started again with a wrong password, past Pullpass, and new images pushed to the probe's repository",
    verify: 'auto',
    isAboutNode: true,
    async change({ subject, kubelet, cache, upstream, oracle }) {
      if (subject.kind === 'harbor') throw new Error('Harbor is not started here');
      await kubelet.freeze();
      await cache.stop();
      await cache.start(CONTENT[subject.product](upstream.host, { ...FIRST, password: 'wrong' }));
      // More than the controller leaves for the next login.
      for (let i = 0; i < 4; i++) await oracle.push(PROBED);
      return {};
    },
    expected: { verify: ['refused'] },
    patience: 5,
  },
  {
    name: 'rotated while the cache is down',
    verify: 'auto',
    async change(world) {
      await world.kubelet.pause();
      await rotate(world, SECOND);
      return {};
    },
    expected: { wait: 1, verify: ['unknown'] },
    patience: ROUND,
  },
  {
    name: 'rotated while the upstream is down',
    verify: 'auto',
    async change(world) {
      const fresh = await world.oracle.push(PULLED);
      world.upstream.add(SECOND);
      await world.upstream.down();
      await setLogin(world, SECOND);
      return { fresh };
    },
    expected: { wait: 1, verify: ['unknown'] },
    patience: ROUND,
  },
  {
    name: 'rotated, and the cache holds every tag that the upstream has',
    verify: 'auto',
    async change(world) {
      world.upstream.add(SECOND);
      for (const tag of await world.oracle.tags(PROBED)) await world.oracle.pull(world.cache, PROBED, tag);
      await setLogin(world, SECOND);
      return {};
    },
    expected: { wait: 0, verify: ['verified'] },
    // It never asks the registry whether something is absent: only an image that it does not hold proves anything.
    expectedOf: { zot: { wait: 1, verify: ['unknown'] } },
    patience: ENOUGH,
  },
  {
    name: 'the registry dropped from the source',
    verify: 'off',
    async change({ setSource, otherOnly }) {
      await setSource(otherOnly(FIRST));
      return { old: FIRST };
    },
    // It goes on with the login that it has.
    expected: { wait: 1, verify: ['verified', 'unknown'] },
    patience: ROUND,
  },
];

async function rotate(world: World, login: Login): Promise<void> {
  world.upstream.add(login);
  await setLogin(world, login);
}

const setLogin = ({ setSource, both }: World, login: Login): Promise<void> => setSource(both(login));
