/** What must hold between the parts of a configuration. Works on documents with other errors too, so that one run lists all. */

interface CrossProblem {
  path: (string | number)[];
  message: string;
}

/** @param document whatever was read: parts of the wrong shape are somebody else's problem and are skipped here. */
export function crossCheck(document: unknown): CrossProblem[] {
  const sources = items(field(document, 'sources'));
  const retired = items(field(document, 'retiredCopyNames'));
  const copyNames = sources.map((source) => field(source, 'copyName'));
  return [
    ...repeated(sources.map((source) => field(source, 'name')), (i) => ['sources', i, 'name'], 'sources need different names'),
    ...repeated(copyNames, (i) => ['sources', i, 'copyName'], 'two sources cannot share one Secret'),
    ...repeated(retired, (i) => ['retiredCopyNames', i], 'remove one of the two'),
    ...retired.flatMap((name, i) =>
      typeof name === 'string' && copyNames.includes(name)
        ? [{ path: ['retiredCopyNames', i], message: `is still the copyName of a source: "${name}"; remove it here` }]
        : []),
    ...sources.flatMap((source, i) =>
      repeated(
        items(field(source, 'aliases')).map((alias) => field(alias, 'host')),
        (j) => ['sources', i, 'aliases', j, 'host'],
        'one registry key has one login',
      )),
  ];
}

function repeated(values: unknown[], path: (index: number) => CrossProblem['path'], advice: string): CrossProblem[] {
  const seen = new Set<string>();
  return values.flatMap((value, index) => {
    if (typeof value !== 'string') return [];
    if (seen.has(value)) return [{ path: path(index), message: `is used twice: "${value}"; ${advice}` }];
    seen.add(value);
    return [];
  });
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
}

function items(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
