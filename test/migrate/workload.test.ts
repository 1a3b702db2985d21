/** What of a workload a migration looks at. */
import { expect, test } from 'vitest';
import { workloadOf } from '../../src/migrate/workload.ts';
import type { Templated } from '../../src/migrate/workload.ts';

const template = { spec: { containers: [], imagePullSecrets: [{ name: 'a' }, { name: 'b' }] } };
const written = (list: object): Templated => ({
  metadata: {
    namespace: 'n',
    name: 'w',
    managedFields: [{ fieldsV1: { 'f:spec': { 'f:template': { 'f:spec': { 'f:imagePullSecrets': list } } } } }],
  },
  spec: { template },
});

test.each([
  ['nobody', { 'k:{"name":"other"}': {} }, ['a', 'b']],
  ['one of them', { '.': {}, 'k:{"name":"a"}': {} }, ['b']],
  ['the list as a whole', {}, []],
  ['the list as a whole, which was empty', { '.': {} }, []],
])('written by %s', (_, list, added) => {
  expect(workloadOf('Deployment', written(list))).toMatchObject([{ pullSecrets: ['a', 'b'], added }]);
});

test.each([
  ['Complete', 'True', 0],
  ['Failed', 'True', 0],
  ['Failed', 'False', 1],
  ['Suspended', 'True', 1],
])('a Job that is %s=%s counts %i times', (type, status, times) => {
  expect(workloadOf('Job', { spec: { template }, status: { conditions: [{ type, status }] } })).toHaveLength(times);
});

test('what another object made does not count: its template does', () => {
  const owner = { apiVersion: 'batch/v1', kind: 'CronJob', name: 'c', uid: 'u' };
  const of = (controller: boolean) =>
    workloadOf('Job', { metadata: { ownerReferences: [{ ...owner, controller }] }, spec: { template } });
  expect([of(true).length, of(false).length]).toEqual([0, 1]);
});
