/** Labels of namespaces are kept as far as a selector asks for them; for others the namespaces are read anew. */
import { expect, test } from 'vitest';
import { configurationSchema } from '../../src/config/schema.ts';
import type { Configuration } from '../../src/config/schema.ts';
import { keepLabels, noLabels } from '../../src/observe/kept-labels.ts';

const asking = (...keys: string[]): Configuration =>
  configurationSchema.parse({
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Configuration',
    sources: ['', ...keys].map((key, i) => ({
      name: `s${i}`,
      secret: { namespace: 's', name: `s${i}` },
      copyName: `c${i}`,
      ...(key !== '' && { namespaces: { selector: { matchExpressions: [{ key, operator: 'Exists' }] } } }),
    })),
  });

test('read anew only for a key that was not kept', () => {
  const labels = noLabels();
  let renewed = 0;
  const keep = (...keys: string[]) => {
    keepLabels({ listed: undefined, labels, namespaces: { renew: () => renewed++ } }, asking(...keys));
    return [labels.feed, renewed];
  };
  expect(keep()).toEqual(['namespaces', 0]);
  expect(keep('a', 'b')).toEqual(['namespaces with labels 1', 1]);
  // The same, and fewer: nothing is missing.
  expect(keep('b', 'a')).toEqual(['namespaces with labels 1', 1]);
  expect(keep('a')).toEqual(['namespaces with labels 1', 1]);
  expect(keep()).toEqual(['namespaces with labels 1', 1]);
  expect(keep('b', 'c')).toEqual(['namespaces with labels 2', 2]);
  expect([...labels.keys].sort()).toEqual(['b', 'c']);
});

test('with a list of namespaces no label can be read', () => {
  const namespaces = { renew: expect.fail };
  expect(() => {
    keepLabels({ listed: ['a'], labels: noLabels(), namespaces }, asking('a'));
  }).toThrow('--namespaces: take namespaces.selector out of source s1');
});
