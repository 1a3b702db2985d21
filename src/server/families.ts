/** Makes metric families in a prom-client registry. */
import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';

export type Families = ReturnType<typeof familiesIn>;

/** `prefix`: what all names begin with; none for names that are not ours. */
export function familiesIn(registry: Registry, prefix = 'pullpass_') {
  const common = <L extends string>(name: string, help: string, labelNames: readonly L[]) => ({
    name: `${prefix}${name}`,
    help,
    labelNames: [...labelNames],
    registers: [registry],
  });
  return {
    gauge: <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []) =>
      new Gauge<L>(common(name, help, labelNames)),
    /** Its values are asked for at each scrape. */
    gaugeOf: <L extends string = never>(
      name: string,
      help: string,
      labelNames: readonly L[],
      values: () => Iterable<readonly [labels: Partial<Record<L, string>>, value: number]>,
    ) =>
      new Gauge<L>({
        ...common(name, help, labelNames),
        collect() {
          for (const [labels, value] of values()) this.set(labels, value);
        },
      }),
    counter: <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []) =>
      new Counter<L>(common(name, help, labelNames)),
    histogram: <L extends string = never>(
      name: string,
      help: string,
      buckets: number[],
      labelNames: readonly L[] = [],
    ) => new Histogram<L>({ ...common(name, help, labelNames), buckets }),
  };
}
