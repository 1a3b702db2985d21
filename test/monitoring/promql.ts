/** What a PromQL expression asks for, as far as a few regular expressions can see it. */

export interface Asked {
  /** Of each selector: the metric, and the labels that it matches. */
  readonly selectors: readonly { readonly name: string; readonly labels: readonly string[] }[];
  /** Labels that results are grouped or joined by. */
  readonly grouping: readonly string[];
  /** Labels that are dropped. */
  readonly dropped: readonly string[];
}

/** Labels that Prometheus itself adds to whatever it scrapes, or its operator, or whoever has many clusters. */
export const OF_PROMETHEUS = ['cluster', 'namespace', 'job', 'service', 'endpoint', 'container', 'pod', 'instance'];

/** Names that an exporter of ours has: its own, and those of client-go, of the process and of Node. */
const OURS = /\b((?:pullpass|leader_election|rest_client|workqueue|process|nodejs)_\w+)(?:\{([^}]*)\})?/g;

export function askedBy(expr: string): Asked {
  const quoted = /"(?:[^"\\]|\\.)*"/g;
  const bare = expr.replaceAll(quoted, '""');
  return {
    selectors: [...bare.matchAll(OURS)].map(([, name = '', inner = '']) => ({
      name,
      labels: [...inner.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
    })),
    grouping: labelsAfter(bare, 'by|on|ignoring|group_left'),
    dropped: labelsAfter(bare, 'without'),
  };
}

const labelsAfter = (bare: string, words: string): string[] =>
  [...bare.matchAll(new RegExp(`\\b(?:${words})\\s*\\(([^)]*)\\)`, 'g'))]
    .flatMap(([, inner = '']) => inner.split(',').map((label) => label.trim()))
    .filter((label) => label !== '');
