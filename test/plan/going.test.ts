import { expect, test } from 'vitest';
import { isGoing } from '../../src/plan/going.ts';
import type { ObservedScope } from '../../src/plan/observed.ts';
import { copy, namespace, scope, source } from './observations.ts';

const OUT = namespace({ sync: 'disabled' });
const PLACE = { config: { secret: { namespace: 'team-a', name: 'regcred' } } };

test.each<[boolean, string, ObservedScope | undefined]>([
  [true, 'there is no such namespace', undefined],
  [true, 'the namespace is being deleted', scope({ namespace: namespace({ terminating: true }), copies: [copy()] })],
  [true, 'the namespace opted out', scope({ namespace: OUT, copies: [copy()] })],
  [
    true,
    'the namespace opted out, and the copy is being deleted',
    scope({ namespace: OUT, copies: [copy({ terminating: true })] }),
  ],
  [true, 'the namespace opted out, and the copy is gone', scope({ namespace: OUT })],
  [
    true,
    'the copy is gone, and the source is in the namespace under another name',
    scope({ namespace: OUT, sources: [source({ config: { secret: { namespace: 'team-a', name: 'original' } } })] }),
  ],
  [
    true,
    'the copy is gone, and the source is in another namespace under the same name',
    scope({ namespace: OUT, sources: [source({ config: { secret: { namespace: 'elsewhere', name: 'regcred' } } })] }),
  ],
  [
    true,
    'the namespace opted out of several sources',
    scope({
      namespace: OUT,
      sources: [source(), source({ config: { name: 'b', copyName: 'b' } })],
      copies: [copy(), copy({ name: 'b', source: 'b' })],
    }),
  ],
  [
    true,
    'the guard says no now',
    scope({ sources: [source({ config: { namespaces: { allow: ['other'], deny: [] } } })], copies: [copy()] }),
  ],
  [false, 'the namespace is in', scope({ copies: [copy()] })],
  [false, 'the namespace is in, and the copy is still to be made', scope()],
  [
    false,
    'the namespace is in, and the copy is being deleted: it is made again',
    scope({ copies: [copy({ terminating: true })] }),
  ],
  [
    false,
    'the copy is retained',
    scope({ namespace: OUT, sources: [source({ config: { onOptOut: 'retain' } })], copies: [copy()] }),
  ],
  [
    false,
    'the source was not read yet',
    scope({ namespace: OUT, sources: [source({ read: false })], copies: [copy()] }),
  ],
  [false, 'the Secret by that name is not ours to remove', scope({ namespace: OUT, copies: [copy({ ours: false })] })],
  [
    false,
    'it is the source itself',
    scope({ namespace: OUT, sources: [source(PLACE)], copies: [copy({ ours: false })] }),
  ],
  [
    false,
    'it is the source itself, which is not there for a moment',
    scope({ namespace: OUT, sources: [source(PLACE)] }),
  ],
  [false, 'the configuration has no such source', scope({ namespace: OUT, sources: [] })],
])('%s: %s', (going, _, observed) => {
  expect(isGoing(observed, 'upstream')).toBe(going);
});

test('a copy that the plan leaves in place is not going, whatever the reason', () => {
  const everybody = {
    select: () => ({ choices: new Map([['upstream', { in: true, why: 'enabled' } as const]]), problems: [] }),
  };
  expect(isGoing(scope({ namespace: OUT, copies: [copy()] }), 'upstream', everybody)).toBe(false);
});
