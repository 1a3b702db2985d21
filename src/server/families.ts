/** Makes metric families in a prom-client registry; all names begin with `pullpass_`. */
import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';

export type Families = ReturnType<typeof familiesIn>;

export function familiesIn(registry: Registry) {
  const common = <L extends string>(name: string, help: string, labelNames: readonly L[]) => ({
    name: `pullpass_${name}`,
    help,
    labelNames: [...labelNames],
    registers: [registry],
  });
  return {
    gauge: <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []) =>
      new Gauge<L>(common(name, help, labelNames)),
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
