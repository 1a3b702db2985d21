import { describe, expect, test } from 'vitest';
import type { Credential } from '../../src/credentials/docker-config.ts';
import { chooseLogin, isDone, planProxy, shownOf, stateOf } from '../../src/plan/proxy.ts';
import type { ProxyRecord, Shown } from '../../src/plan/proxy.ts';

const credential = (key: string, more: Partial<Credential> = {}): Credential => ({
  key,
  username: 'robot',
  password: `for ${key}`,
  ...more,
});
const chosen = (keys: string[], registry: string) => {
  const choice = chooseLogin(
    keys.map((key) => credential(key)),
    registry,
  );
  return choice.ok ? [choice.login.registry, choice.login.password] : choice.problem;
};

describe('the login that is chosen', () => {
  const HUB = 'https://index.docker.io/v1/';
  test.each(['docker.io', 'index.docker.io', 'registry-1.docker.io', HUB])(
    'is that of Docker Hub by whatever name: %s',
    (name) => {
      expect(chosen(['ghcr.io', HUB], name)).toEqual(['docker.io', `for ${HUB}`]);
      expect(chosen(['ghcr.io', name], 'docker.io')).toEqual(['docker.io', `for ${name}`]);
    },
  );

  test('is the entry by that very key before any that also matches', () => {
    expect(chosen(['*.corp', 'a.corp/team', 'a.corp'], 'a.corp')).toEqual(['a.corp', 'for a.corp']);
    expect(chosen(['*.corp', 'a.corp/team', 'a.corp'], 'a.corp/team')).toEqual(['a.corp/team', 'for a.corp/team']);
    expect(chosen(['docker.io', HUB], HUB)).toEqual(['docker.io', `for ${HUB}`]);
  });

  test('may be that of a glob, or of the host without its path', () => {
    expect(chosen(['*.corp'], 'a.corp')).toEqual(['a.corp', 'for *.corp']);
    expect(chosen(['a.corp'], 'a.corp/team')).toEqual(['a.corp/team', 'for a.corp']);
  });

  test('is never that of another host, port or path', () => {
    for (const key of ['b.corp', 'a.corp:5000', 'a.corp/other', 'a.corp.evil', '*.*.corp', 'docker.io']) {
      expect(chosen([key], 'a.corp')).toMatch(/^the source has no usable login for "a\.corp"; it has: /);
    }
    expect(chosen(['ghcr.io'], 'docker.io')).toBe('the source has no usable login for "docker.io"; it has: "ghcr.io"');
    expect(chosen([], 'docker.io')).toMatch(/it has: none$/);
  });

  test('problems show no login that a key holds', () => {
    const choice = chooseLogin([credential('https://ann:hunter2@b.corp')], 'a.corp');
    expect(JSON.stringify(choice)).not.toContain('hunter2');
  });
});

describe('the next step', () => {
  const NOW = Date.parse('2030-01-01T00:00:00Z');
  const ago = (minutes: number): string => new Date(NOW - minutes * 60_000).toISOString();
  const step = (record: ProxyRecord, carried?: boolean, verifyDue = false) =>
    planProxy({ mac: 'new', record, carried, verifyDue, waits: false });
  const applied = { mac: 'new', at: ago(1) };
  const verified = { mac: 'new', state: 'verified', why: '', at: ago(1) } as const;
  const settled = { mac: 'new', at: ago(1) };

  test.each<[string, ReturnType<typeof step>, ProxyRecord, boolean | undefined, boolean]>([
    ['never given anything', 'apply', {}, undefined, false],
    ['given another login', 'apply', { applied: { mac: 'old', at: ago(1) } }, undefined, false],
    ['given it, not looked at', 'verify', { applied }, undefined, false],
    [
      'given it, looked at with the login before',
      'verify',
      { applied, settled, verified: { ...verified, mac: 'old' } },
      undefined,
      false,
    ],
    ['given it, settled and looked at', 'nothing', { applied, settled, verified }, undefined, false],
    ['given it and looked at, and not settled', 'verify', { applied, verified }, undefined, false],
    [
      'given it and looked at, and settled with the login before',
      'verify',
      { applied, settled: { ...settled, mac: 'old' }, verified },
      undefined,
      false,
    ],
    ['given it, looked at, and due again', 'verify', { applied, settled, verified }, undefined, true],
    ['remembered, but its targets show another', 'apply', { applied, settled, verified }, false, false],
    ['remembered, but its targets show another, and due', 'apply', { applied, settled, verified }, false, true],
    ['not remembered, but its targets show it', 'verify', {}, true, false],
    ['shown by its targets, settled and looked at', 'nothing', { settled, verified }, true, false],
  ])('%s -> %s', (_, expected, record, carried, verifyDue) => {
    expect(step(record, carried, verifyDue)).toBe(expected);
  });

  test('a login that was refused just now waits, unless it is there already', () => {
    const waiting = (carried?: boolean) =>
      planProxy({ mac: 'new', record: {}, carried, verifyDue: false, waits: true });
    expect([waiting(), waiting(false), waiting(true)]).toEqual(['wait', 'wait', 'verify']);
  });
});

describe('the login before is not needed any more', () => {
  const at = '2030-01-01T00:00:00.000Z';
  const good: Shown = { settled: true, proven: true, verdict: { state: 'verified', why: 'w' } };
  const unproven: Shown = { ...good, proven: false, verdict: { state: 'unknown', reason: 'held already', why: 'w' } };
  test.each<[boolean, string, Shown, boolean]>([
    [true, 'settled and proven', good, true],
    [false, 'not settled, whatever was proven before', { ...good, settled: false }, true],
    [false, 'settled, and nobody asked it yet', { ...good, proven: false, verdict: undefined }, false],
    [false, 'settled, not proven, and a proof is asked for', unproven, true],
    [true, 'settled, not proven, and none is asked for', unproven, false],
    [
      true,
      'proven, and now the registry is down',
      { ...good, verdict: { state: 'unknown', reason: 'upstream', why: 'w' } },
      true,
    ],
    [false, 'proven, and refused since', { ...good, verdict: { state: 'refused', why: 'w' } }, true],
    [false, 'refused, where no proof is asked for', { ...unproven, verdict: { state: 'refused', why: 'w' } }, false],
  ])('%j: %s', (done, _, shown, asksForProof) => {
    expect(isDone(shown, asksForProof)).toBe(done);
  });

  test('what is remembered of another login says nothing of this one', () => {
    const record: ProxyRecord = {
      settled: { mac: 'old', at },
      proven: { mac: 'old', why: 'w', at },
      verified: { mac: 'old', state: 'verified', why: 'w', at },
    };
    expect(shownOf(record, 'new')).toEqual({ settled: false, proven: false, verdict: undefined });
    expect(shownOf(record, 'old')).toMatchObject({ settled: true, proven: true, verdict: { state: 'verified' } });
  });

  test('an unknown state has its reason', () => {
    expect(stateOf({ state: 'unknown', reason: 'held already' })).toBe('unknown: held already');
    expect(stateOf({ state: 'verified' })).toBe('verified');
  });
});
