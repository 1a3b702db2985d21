/** Components combine: each does all that it does alone, whatever else is there and in whatever order. */
import { describe, expect, test } from 'vitest';
import { tellMissing } from '../monitoring/tools.ts';
import { COMPONENTS, kubectl, KUSTOMIZATIONS, nameOf, objectsOf, render, SUBSETS } from './rendering.ts';

tellMissing('the combinations of the components', kubectl);

/** What a rendering says, a line for each value: `Deployment pullpass-system/pullpass .spec.replicas = 2`. Lists are sets here. */
function facts(components: readonly string[], resources: readonly string[] = []): Set<string> {
  const lines = (value: unknown, at: string): string[] =>
    Array.isArray(value)
      ? value.flatMap((item) => lines(item, `${at}[]`))
      : typeof value === 'object' && value !== null
        ? Object.entries(value).flatMap(([key, item]) => lines(item, `${at}.${key}`))
        : [`${at} = ${JSON.stringify(value)}`];
  const objects = objectsOf(render(components, resources));
  expect(new Set(objects.map(nameOf)).size).toBe(objects.length);
  return new Set(objects.flatMap((object) => lines(object, `${nameOf(object)} `)));
}

describe.skipIf('missing' in kubectl)('kustomize', () => {
  const base = 'missing' in kubectl ? new Set<string>() : facts([]);
  const alone = new Map(COMPONENTS.map((name) => [name, 'missing' in kubectl ? new Set<string>() : facts([name])]));
  /** What the base says, and what each component adds to it. */
  const together = (components: readonly string[]): string[] =>
    [...new Set([...base, ...components.flatMap((name) => [...(alone.get(name) ?? [])])])].sort();

  test('there are components to combine, and each adds something and takes nothing away', () => {
    expect(COMPONENTS).toEqual(
      expect.arrayContaining(['egress-proxy', 'monitoring', 'networkpolicy', 'secure-report']),
    );
    for (const [name, added] of alone) {
      expect(
        [...base].filter((fact) => !added.has(fact)),
        name,
      ).toEqual([]);
      expect(added.size, name).toBeGreaterThan(base.size);
    }
  });

  test.each(SUBSETS.filter((subset) => subset.length > 1).map((subset) => [subset.join(' + '), subset] as const))(
    '%s: each does what it does alone',
    (_, subset) => {
      expect([...facts(subset)].sort()).toEqual(together(subset));
    },
  );

  const orders = SUBSETS.filter(({ length }) => length === 2 || length === COMPONENTS.length).map((subset) =>
    subset.toReversed(),
  );
  test.each(orders.map((order) => [order.join(', '), order] as const))('in the order %s as well', (_, order) => {
    expect([...facts(order)].sort()).toEqual(together(order));
  });

  test.each(KUSTOMIZATIONS)('%s stands beside all of them and changes none', (name) => {
    const [all, beside] = [facts(COMPONENTS), facts(COMPONENTS, [name])];
    expect([...all].filter((fact) => !beside.has(fact))).toEqual([]);
    const added = [...beside].filter((fact) => !all.has(fact));
    expect(added.length).toBeGreaterThan(0);
    // A provider is in the namespace of the controller, under its own name.
    expect(added.filter((fact) => / pullpass-system\/(?!pullpass-provider)/.test(fact))).toEqual([]);
  });
});
