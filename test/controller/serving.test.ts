/** What a replica shows of itself: probes of what it watches, gauges of what only the leader knows, and the page. */
import { afterEach, describe, expect, test } from 'vitest';
import { startServing } from '../../src/controller/serving.ts';
import type { ServingOptions } from '../../src/controller/serving.ts';
import type { Credential } from '../../src/credentials/docker-config.ts';
import type { RunningServer } from '../../src/server/listener.ts';
import { createMetrics } from '../../src/server/metrics.ts';
import { endOf } from '../../src/sources/ends.ts';
import { configuration, sourceConfig } from '../plan/observations.ts';

const running: RunningServer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
});

const standing = (source: string) => ({ source, key: 'docker.io', state: 'refused', why: '401', at: '' }) as const;
const token = (claims: object): string =>
  `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.x`;
const jwt = token({ exp: 1_893_456_000 });
/** What all but the canaries have. */
const OLDER: Readonly<Record<string, Credential[]>> = {
  upstream: [{ key: 'ghcr.io', username: 'robot', password: token({ iat: 1_893_452_400, exp: 1_893_456_000 }) }],
};
const LOGINS: Readonly<Record<string, Credential[]>> = {
  upstream: [
    { key: 'docker.io', username: 'robot', password: jwt },
    { key: 'quay.io', username: 'robot', password: 'for ever' },
    { key: 'ghcr.io', username: 'robot', password: token({ exp: 1_999_999_999 }) },
  ],
  dropped: [{ key: 'old.io', username: 'robot', password: jwt }],
};

async function serve(parts: Partial<ServingOptions> = {}) {
  const w = { leading: true };
  const server = await startServing({
    address: '127.0.0.1:0',
    metrics: createMetrics({ version: 'test', processMetrics: false }),
    livez: () => [],
    readyz: () => [],
    sources: {
      standings: () => [standing('upstream'), standing('dropped')],
      book: {
        states: () => [{ source: 'upstream', valid: false, changedAt: 1_500, expiryValid: false }],
        end: (_: string, credential: Credential) => endOf(credential, {}, undefined),
        rollout: (name: string) => ({ newest: { own: LOGINS[name] ?? [] }, passed: { own: OLDER[name] ?? [] } }),
      } as unknown as ServingOptions['sources']['book'],
    },
    configuration: () => configuration([sourceConfig(), sourceConfig({ name: 'second', copyName: 'second' })]),
    leading: () => w.leading,
    standings: () => [
      [
        {
          source: 'upstream',
          copyName: 'regcred',
          choice: { in: true, why: 'enabled' },
          copy: 'in sync',
          accounts: { selected: 1, referenced: 1 },
        },
      ],
    ],
    report: () => ({ contentType: 'text/html; charset=utf-8', body: 'the page' }),
    ...parts,
  });
  running.push(server);
  const get = async (path: string): Promise<{ status: number; body: string }> => {
    const answer = await fetch(`${server.url ?? ''}${path}`);
    return { status: answer.status, body: await answer.text() };
  };
  return {
    w,
    get,
    lines: async (name: string) => (await get('/metrics')).body.split('\n').filter((line) => line.startsWith(name)),
  };
}

describe('the leader', () => {
  test('says so, and counts copies of all configured sources', async () => {
    const { lines } = await serve();
    expect(await lines('leader_election')).toEqual(['leader_election_master_status{name="pullpass-controller"} 1']);
    expect(await lines('pullpass_copies{source="upstream",state="in-sync"}')).toEqual([
      'pullpass_copies{source="upstream",state="in-sync"} 1',
    ]);
    expect(await lines('pullpass_copies{source="second",state="in-sync"}')).toEqual([
      'pullpass_copies{source="second",state="in-sync"} 0',
    ]);
  });

  test('says of each source that was read whether all of it is in force, and since when', async () => {
    const { lines } = await serve();
    expect(await lines('pullpass_source_')).toEqual([
      'pullpass_source_valid{source="upstream"} 0',
      'pullpass_source_expiry_valid{source="upstream"} 0',
      'pullpass_source_changed_timestamp_seconds{source="upstream"} 1.5',
    ]);
  });

  test('says what registries said of configured sources, and when their logins end, where they do', async () => {
    const { lines } = await serve();
    expect((await lines('pullpass_credential_verified')).filter((line) => line.endsWith(' 1'))).toEqual([
      'pullpass_credential_verified{source="upstream",registry="docker.io",state="refused"} 1',
    ]);
    expect((await lines('pullpass_credential_expiry')).sort()).toEqual([
      'pullpass_credential_expiry_timestamp_seconds{source="upstream",registry="docker.io"} 1893456000',
      'pullpass_credential_expiry_timestamp_seconds{source="upstream",registry="ghcr.io"} 1893456000',
    ]);
    expect(await lines('pullpass_credential_lifetime')).toEqual([
      'pullpass_credential_lifetime_seconds{source="upstream",registry="ghcr.io"} 3600',
    ]);
  });
});

test('who leads no more, or not yet, says nothing of copies and logins', async () => {
  const { w, lines } = await serve();
  const state = /^pullpass_(copies|references|credential_\w+)\{/;
  expect((await lines('pullpass_')).filter((line) => state.test(line)).length).toBeGreaterThan(10);
  w.leading = false;
  expect(await lines('leader_election')).toEqual(['leader_election_master_status{name="pullpass-controller"} 0']);
  expect((await lines('pullpass_')).filter((line) => state.test(line))).toEqual([]);
});

test('a watch that is behind makes the replica not ready, and only one that is stuck has it started again', async () => {
  const behind = await serve({ readyz: () => ['namespaces: not read yet'] });
  expect([(await behind.get('/livez')).status, await behind.get('/readyz')]).toEqual([
    200,
    { status: 503, body: 'namespaces: not read yet\n' },
  ]);
  const stuck = await serve({ livez: () => ['namespaces: silent'] });
  expect([await stuck.get('/livez'), (await stuck.get('/readyz')).status]).toEqual([
    { status: 503, body: 'namespaces: silent\n' },
    200,
  ]);
});

test('the report is a page', async () => {
  expect(await (await serve()).get('/report')).toEqual({ status: 200, body: 'the page' });
});
