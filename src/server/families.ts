/** Makes metric families in a prom-client registry. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Page } from './listener.ts';

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

/** CPU, memory, event loop. Without gauges named like counters (`_total`), which metric linters reject; the gauges by type stay. */
export function addProcessMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry });
  for (const part of ['handles', 'requests', 'resources']) registry.removeSingleMetric(`nodejs_active_${part}_total`);
}

/** In the text format of Prometheus, version 0.0.4. */
export async function expose(registries: readonly Registry[]): Promise<Page> {
  const parts = await Promise.all(registries.map((each) => each.metrics()));
  // prom-client writes `Nan`; the format has `NaN`, and not every reader accepts other spellings.
  return { contentType: Registry.PROMETHEUS_CONTENT_TYPE, body: parts.join('').replaceAll(/ Nan(?=\n)/g, ' NaN') };
}
