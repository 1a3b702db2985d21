/** Whether the audit knows that nobody does the work. */
import { expect, test } from 'vitest';
import { readLease } from '../../../src/audit/observe/lease.ts';
import type { Observation } from '../../../src/audit/observe/observation.ts';
import { refusal, scriptedClient } from '../../kube/scripted-client.ts';
import { linesOf, NOW, observation } from '../observations.ts';

const NAMESPACE = 'pullpass-system';
const FOUND = ['PP091 Lease pullpass-system/pullpass-controller'];

test.each<[string, Observation['lease'], string[]]>([
  ['a Lease that is held', { namespace: NAMESPACE, holder: 'pod-1', renewedAt: NOW - 10_000 }, []],
  ['a Lease that was renewed a minute ago', { namespace: NAMESPACE, holder: 'pod-1', renewedAt: NOW - 60_000 }, []],
  ['a Lease that was renewed longer ago', { namespace: NAMESPACE, holder: 'pod-1', renewedAt: NOW - 60_001 }, FOUND],
  ['a Lease that nobody holds', { namespace: NAMESPACE, holder: '' }, FOUND],
  ['no Lease', undefined, []],
])('%s', (_, lease, found) => {
  expect(linesOf(observation({ ...(lease && { lease }) }))).toEqual(found);
});

test('the Lease is read as the controller writes it; none, or no right to it, is no finding', async () => {
  const read = (answer: () => unknown) => readLease(scriptedClient(answer).client, NAMESPACE);
  expect(await read(() => ({ spec: { holderIdentity: 'pod-1', renewTime: '2030-01-01T00:00:00.000000Z' } }))).toEqual({
    namespace: NAMESPACE,
    holder: 'pod-1',
    renewedAt: Date.UTC(2030, 0, 1),
  });
  expect(await read(() => ({ spec: { holderIdentity: '', renewTime: '2030-01-01T00:00:00.000000Z' } }))).toMatchObject({
    holder: '',
  });
  expect(await read(() => ({}))).toEqual({ namespace: NAMESPACE, holder: '' });
  for (const code of [404, 403])
    expect(
      await read(() => {
        throw refusal(code);
      }),
    ).toBeUndefined();
  await expect(
    read(() => {
      throw refusal(500);
    }),
  ).rejects.toThrow();
});
