/** Who pulls where, and with what. */
import { expect, test } from 'vitest';
import { inFrontOf } from '../../../src/audit/facts/coverage.ts';
import type { Observation } from '../../../src/audit/observe/observation.ts';
import {
  HUB,
  HUB_KEY,
  auditedSource,
  content,
  factsOf,
  failure,
  observation,
  secrets,
  workload,
} from '../observations.ts';

const coverageOf = (parts: Partial<Observation>) => factsOf(observation(parts)).coverage;

test('pods are counted by registry, with the entry that a kubelet tries first', () => {
  const rows = coverageOf({
    workloads: [
      workload({ pods: 3, images: ['nginx', 'registry.corp/team/app:1', 'registry.corp/team/tool:1'] }),
      workload({
        pods: 2,
        owner: { kind: 'Job', name: 'j' },
        images: ['registry.corp/other:1'],
        failures: [failure({ image: 'registry.corp/other:1' })],
      }),
    ],
    pullSecrets: secrets({
      'team-a/regcred': content({ [HUB_KEY]: 'a', 'registry.corp': 'b', 'registry.corp/team': 'c' }),
    }),
  });
  expect(rows).toMatchObject([
    {
      registry: 'registry.corp',
      access: 'unknown',
      pods: 5,
      images: 3,
      covered: 5,
      uncovered: 0,
      failing: 2,
      credentials: [
        { secret: 'regcred', key: 'registry.corp/team', pods: 3 },
        { key: 'registry.corp', pods: 2 },
      ],
    },
    {
      registry: 'docker.io',
      access: 'public',
      pods: 3,
      images: 1,
      covered: 3,
      failing: 0,
      credentials: [{ key: HUB_KEY, pods: 3 }],
    },
  ]);
});

test('a pod is covered when all of its images there are', () => {
  const [row] = coverageOf({
    workloads: [workload({ images: ['registry.corp/team/app', 'registry.corp/else'] })],
    pullSecrets: secrets({ 'team-a/regcred': content({ 'registry.corp/team': 'x' }) }),
  });
  expect(row).toMatchObject({
    covered: 0,
    uncovered: 2,
    uncoveredOwners: [{ namespace: 'team-a', kind: 'Deployment', name: 'web', pods: 2 }],
  });
});

test('what cannot be read is unknown, not uncovered', () => {
  const [row] = coverageOf({ pullSecrets: secrets({ 'team-a/regcred': 'unseen' }) });
  expect(row).toMatchObject({ covered: 0, uncovered: 0, unknown: 2 });
});

test('a cache proxy is in front by its registry, by its own host, and by the hosts of aliases', () => {
  const observed = auditedSource().observed;
  const config = { ...observed.config, aliases: [{ host: 'harbor.corp:443/dockerhub', from: 'docker.io' }] };
  const rows = coverageOf({
    sources: [auditedSource({ config, observed: { ...observed, config } })],
    proxies: [
      {
        name: 'hub-cache',
        kind: 'harbor',
        source: 'upstream',
        registry: HUB_KEY,
        applied: true,
        verified: 'verified',
        done: true,
        why: '',
        url: 'http://hub-cache.registry-cache:5000',
      },
    ],
    workloads: [
      workload({
        images: ['nginx', 'harbor.corp:443/dockerhub/nginx', 'hub-cache.registry-cache:5000/nginx', 'quay.io/x'],
      }),
    ],
    pullSecrets: secrets({ 'team-a/regcred': HUB }),
  });
  expect(Object.fromEntries(rows.map(({ registry, proxies }) => [registry, proxies]))).toEqual({
    'docker.io': ['hub-cache'],
    'harbor.corp:443': ['hub-cache'],
    'hub-cache.registry-cache:5000': ['hub-cache'],
    'quay.io': [],
  });
});

test('what kube-image-keeper v1 pulls for pods counts at the real registry, apart from what they pull themselves', () => {
  const own = { images: ['quay.io/x/y:1'], pods: 2 };
  const [row] = coverageOf({
    workloads: [
      workload({ ...own, rewritten: own.images }),
      workload({ images: ['quay.io/x/y:1', 'quay.io/x/z:1'], rewritten: ['quay.io/x/y:1'], pods: 3 }),
    ],
  });
  expect(row).toMatchObject({ registry: 'quay.io', pods: 5, images: 2, rewritten: { pods: 2, images: 1 } });
  expect(row && inFrontOf(row)).toEqual(['kube-image-keeper (1 of 2 images)']);
  const [whole] = coverageOf({ workloads: [workload({ ...own, rewritten: own.images })] });
  expect(whole && inFrontOf(whole)).toEqual(['kube-image-keeper']);
  const [none] = coverageOf({ workloads: [workload(own)] });
  expect(none && [none.rewritten, inFrontOf(none)]).toEqual([undefined, []]);
});
