/** What every cache proxy adapter must do, whatever the product: run by test/proxies/<product>.test.ts. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ApiObject } from '../../src/kube/list.ts';
import type { CacheProxy, ProxyContext } from '../../src/proxies/adapter.ts';
import { LoginRefusedError } from '../../src/proxies/adapter.ts';
import type { UpstreamLogin } from '../../src/credentials/upstream.ts';

/** One product, real or played by a local server, with an adapter in front of it. */
export interface ProxyFixture {
  readonly proxy: CacheProxy;
  readonly context: ProxyContext;
  /** What the product would log in upstream with now; undefined when it has no login. */
  holds(): Promise<{ username: string; password: string } | undefined>;
  /** Requests that changed something, at the product and at the API server together. */
  writes(): number;
  /** The product (or what stands in front of it) does not answer from now on. undefined: nothing there that could be down. */
  readonly goDown?: () => Promise<void>;
  readonly comeBack?: () => Promise<void>;
  /** The product's upstream refuses this password from now on. undefined: the product cannot try a login. */
  readonly refuse?: (password: string) => void;
  /** The observed targets, as the engine's watches would have them. */
  observe(): Promise<(ApiObject | undefined)[]>;
  stop(): Promise<void>;
}

const login = (password: string): UpstreamLogin => ({ registry: 'docker.io', username: 'robot', password });
/** Awkward on purpose: quotes, braces, a percent sign, what YAML, shells, URLs and JSON trip over. */
const AWKWARD = `p"w'd{{x}}: #%$\\&é`;

export function describeCacheProxy(name: string, start: () => Promise<ProxyFixture>): void {
  describe(`${name} conforms: it`, () => {
    let fixture: ProxyFixture;
    beforeEach(async () => {
      fixture = await start();
    });
    afterEach(async () => fixture.stop());

    const inSync = async (wanted: UpstreamLogin): Promise<boolean> => {
      const observed = await fixture.observe();
      return fixture.proxy.targets.every(
        (target, i) =>
          target.fingerprint(observed[i], fixture.context.mac) === target.expected(wanted, fixture.context.mac),
      );
    };

    test('brings the login to the product, and its targets then show it', async () => {
      if (fixture.proxy.targets.length > 0) expect(await inSync(login('pw-first'))).toBe(false);
      await fixture.proxy.apply(login('pw-first'), fixture.context);
      expect(await fixture.holds()).toEqual({ username: 'robot', password: 'pw-first' });
      expect(await inSync(login('pw-first'))).toBe(true);
    });

    test('a rotated login replaces the old one', async () => {
      await fixture.proxy.apply(login('pw-first'), fixture.context);
      if (fixture.proxy.targets.length > 0) expect(await inSync(login('pw-second'))).toBe(false);
      await fixture.proxy.apply(login('pw-second'), fixture.context);
      expect(await fixture.holds()).toEqual({ username: 'robot', password: 'pw-second' });
      expect(await inSync(login('pw-second'))).toBe(true);
    });

    test('carries a login with awkward characters unchanged', async () => {
      await fixture.proxy.apply(login(AWKWARD), fixture.context);
      expect(await fixture.holds()).toEqual({ username: 'robot', password: AWKWARD });
    });

    test('applying twice ends in the same state', async () => {
      await fixture.proxy.apply(login('pw-first'), fixture.context);
      await fixture.proxy.apply(login('pw-first'), fixture.context);
      expect(await fixture.holds()).toEqual({ username: 'robot', password: 'pw-first' });
      expect(await inSync(login('pw-first'))).toBe(true);
    });

    test('a login that the product tried and that was refused changes nothing', async ({ skip }) => {
      if (fixture.refuse === undefined) return skip('the product cannot try a login');
      await fixture.proxy.apply(login('pw-first'), fixture.context);
      const writes = fixture.writes();
      fixture.refuse('pw-revoked');
      const error: unknown = await fixture.proxy.apply(login('pw-revoked'), fixture.context).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(LoginRefusedError);
      expect(String(error)).not.toContain('pw-revoked');
      expect(fixture.writes()).toBe(writes);
      expect(await fixture.holds()).toEqual({ username: 'robot', password: 'pw-first' });
    });

    test('an unreachable product is an error in one line without the login, and the next try succeeds', async ({
      skip,
    }) => {
      if (fixture.goDown === undefined || fixture.comeBack === undefined)
        return skip('there is no server of its own that could be down');
      await fixture.goDown();
      const error: unknown = await fixture.proxy.apply(login('pw-first'), fixture.context).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(Error);
      expect(error).not.toBeInstanceOf(LoginRefusedError);
      expect(String(error)).not.toContain('pw-first');
      expect(String(error)).not.toContain('\n');
      await fixture.comeBack();
      await fixture.proxy.apply(login('pw-first'), fixture.context);
      expect(await fixture.holds()).toEqual({ username: 'robot', password: 'pw-first' });
    });

    test('shows no credential in a fingerprint, an expectation or its identity', async () => {
      await fixture.proxy.apply(login('pw-first'), fixture.context);
      const observed = await fixture.observe();
      const shown = [
        fixture.proxy.identity,
        ...fixture.proxy.targets.flatMap((target, i) => [
          target.fingerprint(observed[i], fixture.context.mac),
          target.expected(login('pw-first'), fixture.context.mac),
        ]),
      ].join(' ');
      for (const form of [
        'pw-first',
        Buffer.from('pw-first').toString('base64'),
        Buffer.from('robot:pw-first').toString('base64'),
      ])
        expect(shown).not.toContain(form);
    });
  });
}
