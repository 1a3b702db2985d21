/** Whose an object is, by its labels. */
import { expect, test } from 'vitest';
import { projectCopy } from '../src/observe/projections.ts';
import { ownerOf } from '../src/owner.ts';
import { planCopy, planRemoval } from '../src/plan/copy.ts';
import { noteOf } from '../src/plan/problem.ts';
import { namespace, source } from './plan/observations.ts';

const BY_US = { 'app.kubernetes.io/managed-by': 'pullpass' };
const BY_HELM = { 'app.kubernetes.io/managed-by': 'Helm' };
const COPY = { 'pullpass.dev/source': 'upstream' };
const LOGIN = { 'pullpass.dev/cache-proxy': 'hub-cache' };
const HERE = { 'pullpass.dev/instance': 'pullpass-system' };
const ELSEWHERE = { 'pullpass.dev/instance': 'team-tools' };
const STATE = { 'pullpass.dev/role': 'state' };

test.each<[ReturnType<typeof ownerOf>, string, Record<string, string>]>([
  ['copy', 'regcred', { ...BY_US, ...COPY }],
  ['copy', 'regcred', { ...BY_HELM, ...COPY }],
  ['copy', 'pullpass-state', { ...BY_US, ...COPY }],
  ['login', 'hub-login', { ...BY_US, ...LOGIN }],
  ['login', 'hub-login', LOGIN],
  ['state', 'pullpass-state', { ...BY_US, ...STATE }],
  ['state', 'pullpass-state', { ...BY_HELM, ...STATE }],
  // As the first version wrote them.
  ['state', 'pullpass-state', BY_US],
  ['report', 'pullpass', BY_US],
  ['nobody', 'regcred', BY_US],
  ['nobody', 'pullpass-state', BY_HELM],
  ['nobody', 'pullpass-state', {}],
  ['nobody', 'pullpass-state', { ...BY_US, 'pullpass.dev/role': 'other' }],
  ['copy', 'regcred', { ...COPY, ...HERE }],
  ['login', 'hub-login', { ...LOGIN, ...HERE }],
  ['instance', 'regcred', { ...COPY, ...ELSEWHERE }],
  ['instance', 'hub-login', { ...LOGIN, ...ELSEWHERE }],
  ['instance', 'pullpass', { ...BY_US, 'pullpass.dev/role': 'report', ...ELSEWHERE }],
  ['nobody', 'regcred', ELSEWHERE],
  ['contested', 'regcred', { ...COPY, ...LOGIN, ...ELSEWHERE }],
  ['contested', 'regcred', { ...COPY, ...LOGIN }],
  ['contested', 'pullpass-state', { ...BY_US, ...STATE, ...COPY }],
  ['contested', 'hub-login', { ...LOGIN, ...STATE }],
])('%s: %s with %j', (owner, name, labels) => {
  expect(ownerOf({ name, labels }, 'pullpass-system')).toBe(owner);
});

test('who does not ask for an installation gets the use of the object, whichever has it', () => {
  expect(ownerOf({ labels: { ...COPY, ...ELSEWHERE } }, undefined)).toBe('copy');
});

test.each([
  ["another installation's copy", { ...BY_US, ...COPY, ...ELSEWHERE }, 'controller namespace "team-tools"'],
  [
    'the login of a cache proxy',
    { ...BY_US, ...LOGIN },
    'It holds the login of a cache proxy (label pullpass.dev/cache-proxy): delete it',
  ],
  ['the state', { ...BY_US, ...STATE }, 'Pullpass keeps its state there'],
  ['two things of ours', { ...BY_US, ...COPY, ...LOGIN }, 'it is unclear whose it is: remove those that are wrong'],
])(
  '%s in the place of a copy is neither written nor removed, not even when it asks for adoption, and one line says so',
  (_, labels, told) => {
    const copy = projectCopy(
      {
        metadata: {
          namespace: 'team-a',
          name: 'regcred',
          uid: 'u',
          resourceVersion: '1',
          labels,
          annotations: { 'pullpass.dev/adopt': 'true' },
        },
        type: 'kubernetes.io/dockerconfigjson',
        data: {},
      },
      { digest: (content) => content, instance: 'pullpass-system' },
    );
    const plan = planCopy(namespace(), source(), { in: true, why: 'enabled' }, copy, false);
    expect(plan).toMatchObject({ state: 'foreign', references: 'keep', problem: { reason: 'SecretNotOurs' } });
    expect(plan).not.toHaveProperty('action');
    expect(plan.problem && noteOf(plan.problem)).toContain(told);
    expect(planRemoval(copy)).toEqual({ state: 'none', references: 'remove' });
  },
);
