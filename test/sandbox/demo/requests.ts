/** Counts of the controller's requests to the API server. */

/** `patch secrets` -> number of requests. */
export type Requests = ReadonlyMap<string, number>;

/** What the controller itself counted, from its /metrics. */
export function requestsIn(exposition: string): Requests {
  const counts = new Map<string, number>();
  for (const [, labels = '', value = ''] of exposition.matchAll(/^rest_client_requests_total\{(.*)\} (\d+)$/gm)) {
    const label = (name: string): string => new RegExp(`${name}="([^"]*)"`).exec(labels)?.[1] ?? '';
    const key = `${label('method').toLowerCase()} ${label('resource')}`;
    counts.set(key, (counts.get(key) ?? 0) + Number(value));
  }
  return counts;
}

/** The counts from a server's record of requests. */
export function requestsOf(record: readonly { readonly verb: string; readonly resource: string }[]): Requests {
  const counts = new Map<string, number>();
  for (const { verb, resource } of record)
    counts.set(`${verb} ${resource}`, (counts.get(`${verb} ${resource}`) ?? 0) + 1);
  return counts;
}

/** The requests between two counts. */
export function since(before: Requests, after: Requests): Requests {
  return new Map(
    [...after].map(([key, count]) => [key, count - (before.get(key) ?? 0)] as const).filter(([, count]) => count > 0),
  );
}

/** Reads and writes of the objects that Pullpass manages: without its Lease, its Events and the check of its own rights. */
export function ofObjects(requests: Requests): { reads: number; writes: number; text: string } {
  const objects = [...requests].filter(([key]) => /^\w+ (namespaces|serviceaccounts|secrets)$/.test(key));
  const sum = (verbs: RegExp): number =>
    objects.filter(([key]) => verbs.test(key)).reduce((total, [, count]) => total + count, 0);
  return {
    reads: sum(/^(get|list|watch) /),
    writes: sum(/^(create|post|update|put|patch|delete) /),
    text: objects.map(([key, count]) => `${count} x ${key}`).join(', ') || 'none',
  };
}
