/** What is kept of a namespace: the values of our annotations, and keys that were hardly meant so. */
import { expect, test } from 'vitest';
import { projectNamespace } from '../../src/kube/projections.ts';

const strays = (metadata: { annotations?: Record<string, string>; labels?: Record<string, string> }) => projectNamespace({ metadata: { name: 'team-a', ...metadata } }).strays;

test('a key that begins like ours and is none, and a label where an annotation is meant, are kept as strays', () => {
  expect(strays({ annotations: { 'pullpass.dev/synch': 'enabled', 'pullpass.dev/sync': 'enabled', 'team': 'a' }, labels: { 'pullpass.dev/sync': 'enabled', 'team': 'a' } })).toEqual(['pullpass.dev/synch', 'label pullpass.dev/sync']);
});

test('keys that mean something, and those of others, are none; most namespaces keep nothing of the kind', () => {
  expect(projectNamespace({ metadata: { name: 'team-a', annotations: { 'pullpass.dev/sync': 'enabled', 'pullpass.dev/sources': 'a', 'pullpass.dev/service-accounts': '*', 'notpullpass.dev/x': 'y' }, labels: { 'example.com/pullpass.dev': 'x' } } })).not.toHaveProperty('strays');
});

test('of thousands only the first few are kept', () => {
  expect(strays({ annotations: Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`pullpass.dev/x${i}`, ''])) })).toHaveLength(5);
});
