/** A parser that takes nothing but the text format of Prometheus, version 0.0.4. */
import type { Metrics } from '../../src/server/metrics.ts';

export interface Family {
  type: string;
  help: string;
  samples: { name: string; labels: Record<string, string>; value: number }[];
}

/** Throws on any line that the format does not allow, and on samples outside their family. */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, Family>();
  const seen = new Set<string>();
  let name = '';
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue;
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line);
    if (comment !== null) {
      const [, keyword, of = '', rest = ''] = comment;
      if (keyword === 'HELP') {
        if (families.has(of)) throw new Error(`${of} comes twice`);
        name = of;
        families.set(of, { help: rest, type: '', samples: [] });
      } else {
        const family = families.get(of);
        if (family === undefined || of !== name || !/^(counter|gauge|histogram|summary|untyped)$/.test(rest))
          throw new Error(`misplaced: ${line}`);
        family.type = rest;
      }
      continue;
    }
    const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{([^]*)\})? (-?[0-9.]+(?:[eE][-+]?[0-9]+)?|[+-]Inf|NaN)$/.exec(line);
    const family = families.get(name);
    if (sample === null || family === undefined || family.type === '') throw new Error(`not a sample: ${line}`);
    const [, of = '', inner = '', value = ''] = sample;
    const suffixes =
      family.type === 'histogram'
        ? ['_bucket', '_sum', '_count']
        : family.type === 'summary'
          ? ['', '_sum', '_count']
          : [''];
    if (!suffixes.some((suffix) => of === name + suffix)) throw new Error(`${of} is not of ${name}`);
    const labels: Record<string, string> = {};
    let rest = inner;
    while (rest !== '') {
      const label = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"(?:,|$)/.exec(rest);
      if (label === null) throw new Error(`not labels: ${line}`);
      const [all, key = '', quoted = ''] = label;
      if (key in labels) throw new Error(`label ${key} comes twice: ${line}`);
      labels[key] = quoted.replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char));
      rest = rest.slice(all.length);
    }
    const identity = of + JSON.stringify(Object.entries(labels).sort());
    if (seen.has(identity)) throw new Error(`the sample comes twice: ${line}`);
    seen.add(identity);
    family.samples.push({ name: of, labels, value: value === '+Inf' ? Infinity : Number(value) });
  }
  return families;
}

/** The families, and the value of one sample. */
export async function exposed(metrics: Pick<Metrics, 'exposition'>) {
  const families = parseExposition((await metrics.exposition()).body);
  const value = (name: string, labels: Record<string, string> = {}) =>
    families
      .get(name.replace(/_(bucket|sum|count)$/, ''))
      ?.samples.filter((sample) => sample.name === name)
      .find(
        (sample) =>
          JSON.stringify(Object.entries(sample.labels).sort()) === JSON.stringify(Object.entries(labels).sort()),
      )?.value;
  return { families, value };
}
