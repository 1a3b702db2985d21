/** The decision table of healing. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judgeNow, judgePods, noteOfEviction, noteOfLeft } from '../../src/plan/healing.ts';
import type { HealingCopy, Judged, LeftReason, LiveAccount, LiveOwner, StuckPod } from '../../src/plan/healing.ts';

const AT = Date.parse('2026-03-01T12:00:00Z');
const pod = (parts: Partial<StuckPod> = {}): StuckPod => ({
  ...{ namespace: 'team-a', name: 'web-1', uid: 'p1', resourceVersion: '7', createdAt: AT },
  owner: { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'o1' },
  ...{ serviceAccount: 'default', pullSecrets: [], images: ['registry.example.com/app:1'] },
  ...parts,
});
const copy = (parts: Partial<HealingCopy> = {}): HealingCopy => ({
  ...{ source: 'hub', copyName: 'hub-copy', uid: 'c1', mode: 'evict', isGood: true },
  covers: (name) => (name.startsWith('registry.example.com/') ? 'a login' : 'nothing'),
  isReferencedBy: (account) => account === 'default',
  ...parts,
});
const said = (judged: readonly Judged[]): string[] =>
  judged.map((each) => (each.to === 'evict' ? `evict ${each.pod.name}` : `leave ${each.pod.name}: ${each.reason}`));

describe('what memory says', () => {
  test.each<[string, Partial<StuckPod>, Partial<HealingCopy>, string[]]>([
    ['lacks the reference', {}, {}, ['evict web-1']],
    ['has other pull secrets', { pullSecrets: ['other'] }, {}, ['evict web-1']],
    ['has the reference', { pullSecrets: ['hub-copy'] }, {}, []],
    ['wants an image of another registry', { images: ['docker.io/library/nginx'] }, {}, []],
    ['wants one image of the registry', { images: ['nginx', 'registry.example.com/app'] }, {}, ['evict web-1']],
    ['has an image that is no reference', { images: ['REGISTRY//'] }, {}, []],
    ['has an account that lacks the reference', { serviceAccount: 'other' }, {}, []],
    ['is of a source that does not heal', {}, { mode: 'off' }, []],
    ['is of a namespace without a good copy', {}, { isGood: false }, []],
    ['has nobody who makes it anew', { owner: undefined }, {}, ['leave web-1: no owner']],
    [
      'has an owner of an unknown kind',
      { owner: { apiVersion: 'tekton.dev/v1', kind: 'TaskRun', name: 't', uid: 'o' } },
      {},
      ['leave web-1: unknown owner'],
    ],
    [
      'has an owner that only has the name of a known kind',
      { owner: { apiVersion: 'example.com/v1', kind: 'ReplicaSet', name: 't', uid: 'o' } },
      {},
      ['leave web-1: unknown owner'],
    ],
    ['would get a login that is refused', {}, { covers: () => ({ why: 'refused' }) }, ['leave web-1: login']],
  ])('a pod that %s', (_, ofPod, ofCopy, expected) => {
    expect(said(judgePods([pod(ofPod)], [copy(ofCopy)]))).toEqual(expected);
  });

  test('a pod that has another copy with a login for the image is left alone: it is refused, not absent', () => {
    const other = copy({ source: 'all', copyName: 'all-copy', mode: 'off' });
    expect(judgePods([pod({ pullSecrets: ['all-copy'] })], [copy(), other])).toEqual([]);
  });
  test('where a pod with the copy cannot pull the image either, no other is evicted for it', () => {
    const successor = pod({ name: 'web-2', pullSecrets: ['hub-copy'] });
    expect(said(judgePods([pod(), successor], [copy()]))).toEqual(['leave web-1: no help']);
    const elsewhere = pod({ name: 'web-2', pullSecrets: ['hub-copy'], images: ['registry.example.com/other'] });
    expect(said(judgePods([pod(), elsewhere], [copy()]))).toEqual(['evict web-1']);
  });
});

describe('what the API server says now', () => {
  const owner: LiveOwner = { uid: 'o1', isGoing: false, pullSecrets: [], serviceAccount: 'default' };
  const account: LiveAccount = { pullSecrets: ['hub-copy'], listedAt: AT + 60_000 };
  const judge = (
    ofOwner: Partial<LiveOwner> | undefined = {},
    ofAccount: Partial<LiveAccount> | undefined = {},
    ofPod: Partial<StuckPod> = {},
  ) => {
    const verdict = judgeNow(
      { pod: pod(ofPod), copy: copy() },
      ofOwner && { ...owner, ...ofOwner },
      ofAccount && { ...account, ...ofAccount },
    );
    return verdict.to === 'evict' ? 'evict' : verdict.reason;
  };
  test.each<[string, () => string, string]>([
    ['nothing against it', () => judge(), 'evict'],
    ['another owner by that name', () => judge({ uid: 'o2' }), 'owner is going'],
    ['an owner that is being deleted', () => judge({ isGoing: true }), 'owner is going'],
    ['a template with a list of its own', () => judge({ pullSecrets: ['mine'] }), 'own list'],
    ['a template that has the copy by now', () => judge({ pullSecrets: ['mine', 'hub-copy'] }), 'evict'],
    ['a template with another account', () => judge({ serviceAccount: 'other' }), 'other account'],
    ['an account that lost the reference', () => judge({}, { pullSecrets: [] }), 'other account'],
    ['a pod that was made with the reference there', () => judge({}, {}, { createdAt: AT + 71_000 }), 'stripped'],
    ['a pod of the same moment, by another clock', () => judge({}, {}, { createdAt: AT + 69_000 }), 'evict'],
    ['an account that does not say when', () => judge({}, { listedAt: undefined }), 'evict'],
    ['a pod that does not say when', () => judge({}, {}, { createdAt: undefined }), 'stripped'],
    [
      'a Job without a failure to spare',
      () =>
        judge({ job: { spec: { template: {}, backoffLimit: 0 } } }, {}, { job: { conditions: [], indexFailures: 0 } }),
      'job',
    ],
    ['a Job, and a pod that does not name one', () => judge({ job: { spec: { template: {} } } }), 'job'],
  ])('%s', (_, verdict, expected) => {
    expect(verdict()).toBe(expected);
  });
  test('without an owner or an account it is left alone', () => {
    const judged = { pod: pod(), copy: copy() };
    expect(judgeNow(judged, undefined, account)).toMatchObject({ reason: 'owner is going' });
    expect(judgeNow(judged, owner, undefined)).toMatchObject({ reason: 'other account' });
  });
});

test('a pod is never evicted that has no known owner, has the reference, or has none to get, whatever else it says', () => {
  const text = fc.constantFrom(
    'hub-copy',
    'other',
    '',
    'ReplicaSet',
    'apps/v1',
    'Pod',
    '__proto__',
    'default',
    '\u202e',
  );
  const any = fc.record({
    owner: fc.option(fc.record({ apiVersion: text, kind: text, name: text, uid: text }), { nil: undefined }),
    pullSecrets: fc.array(text),
    serviceAccount: text,
    images: fc.array(fc.oneof(fc.constantFrom('registry.example.com/a', 'nginx:1'), fc.string())),
  });
  fc.assert(
    fc.property(fc.array(any, { maxLength: 5 }), (parts) => {
      for (const judged of judgePods(parts.map(pod), [copy()])) {
        expect(judged.pod.pullSecrets).not.toContain('hub-copy');
        expect(judged.pod.serviceAccount).toBe('default');
        if (judged.to === 'evict')
          expect(judged.pod.owner).toMatchObject({ apiVersion: 'apps/v1', kind: 'ReplicaSet' });
      }
    }),
  );
});

test('what is told is one line, quotes what tenants wrote, and says what to do', () => {
  const odd = pod({
    images: ['registry.example.com/app'],
    owner: { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'a\nb\u202e', uid: 'o1' },
  });
  const judged = { pod: odd, copy: copy(), image: 'registry.example.com/app' };
  const reasons: LeftReason[] = [
    ...(['no owner', 'unknown owner', 'owner is going', 'own list', 'other account'] as const),
    ...(['login', 'no help', 'stripped', 'again', 'job'] as const),
  ];
  const notes = [noteOfEviction(judged, 'evicted'), ...reasons.map((reason) => noteOfLeft(judged, reason, 'why'))];
  expect(new Set(notes).size).toBe(notes.length);
  for (const note of notes) expect(note).not.toMatch(/[\n\u202e]/);
});
