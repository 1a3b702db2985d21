/** What a PromQL expression asks for, as far as a few regular expressions can see it. */

export interface Asked {
  /** Of each selector: the metric, and the labels that it matches. */
  readonly selectors: readonly { readonly name: string; readonly labels: readonly string[] }[];
  /** Labels that results are grouped or joined by. */
  readonly grouping: readonly string[];
}

/** Labels that Prometheus itself adds to whatever it scrapes. */
export const OF_PROMETHEUS = ['job', 'instance'];

export function askedBy(expr: string): Asked {
  const quoted = /"(?:[^"\\]|\\.)*"/g;
  const bare = expr.replaceAll(quoted, '""');
  return {
    selectors: [...bare.matchAll(/\b((?:pullpass|process|nodejs)_\w+)(?:\{([^}]*)\})?/g)].map(
      ([, name = '', inner = '']) => ({
        name,
        labels: [...inner.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
      }),
    ),
    grouping: [...bare.matchAll(/\b(?:by|on|ignoring|without|group_left)\s*\(([^)]*)\)/g)]
      .flatMap(([, inner = '']) => inner.split(',').map((label) => label.trim()))
      .filter((label) => label !== ''),
  };
}
