/** What must hold between the parts of a configuration. Works on documents with other errors too, so that one run lists all. */
import { fit, quote, some } from '../text.ts';
import { collisions } from './collisions.ts';
import { field, firstBy, items, type CrossProblem } from './document.ts';
import { hostCheck } from './host-checks.ts';
import { checkProxy, guardCheck } from './proxy-checks.ts';
import { sharedSecrets } from './shared-secrets.ts';

/** @param document as it was read: parts of the wrong shape are skipped here, the schema reports them. */
export function crossCheck(document: unknown): CrossProblem[] {
  const sources = items(field(document, 'sources'));
  const retired = items(field(document, 'retiredCopyNames'));
  const copyNames = sources.map((source) => field(source, 'copyName'));
  const named = firstBy(sources, (source) => field(source, 'name'));
  const names = [...named.keys()].filter((name) => typeof name === 'string');
  const copied = new Set(copyNames);
  const [checkGuard, checkHost] = [guardCheck(), hostCheck()];
  const proxies = items(field(document, 'cacheProxies'));
  return [
    ...repeated(
      sources.map((source) => field(source, 'name')),
      (i) => ['sources', i, 'name'],
      'sources need different names',
    ),
    ...repeated(copyNames, (i) => ['sources', i, 'copyName'], 'two sources cannot share one Secret'),
    ...repeated(
      proxies.map((proxy) => field(proxy, 'name')),
      (i) => ['cacheProxies', i, 'name'],
      'cache proxies need different names',
    ),
    ...proxies.flatMap((proxy, i) => {
      const source = field(proxy, 'source');
      return typeof source === 'string' && !named.has(source)
        ? [
            {
              path: ['cacheProxies', i, 'source'],
              message: `is not the name of a source: ${quote(source)}; use one of: ${some(
                names.map((name) => fit(name, 63)),
                10,
              )}`,
            },
          ]
        : [];
    }),
    ...sharedSecrets(proxies),
    ...proxies.flatMap((proxy, i) => {
      const source = named.get(field(proxy, 'source'));
      return [...checkProxy(proxy), ...checkGuard(proxy, source), ...checkHost(proxy, source)].map(
        ({ path, message }) => ({ path: ['cacheProxies', i, ...path], message }),
      );
    }),
    ...collisions(document),
    ...repeated(retired, (i) => ['retiredCopyNames', i], 'remove one of the two'),
    ...retired.flatMap((name, i) =>
      typeof name === 'string' && copied.has(name)
        ? [
            {
              path: ['retiredCopyNames', i],
              message: `is still the copyName of a source: ${quote(name)}; remove it here`,
            },
          ]
        : [],
    ),
    ...(field(field(document, 'audit'), 'reportObject') === true &&
    field(field(document, 'schedules'), 'audit') === undefined
      ? [{ path: ['audit', 'reportObject'], message: 'needs a schedule: set schedules.audit, such as "0 * * * *"' }]
      : []),
    ...sources.flatMap((source, i) =>
      repeated(
        items(field(source, 'aliases')).map((alias) => field(alias, 'host')),
        (j) => ['sources', i, 'aliases', j, 'host'],
        'one registry key has one login',
      ),
    ),
  ];
}

function repeated(values: unknown[], path: (index: number) => CrossProblem['path'], advice: string): CrossProblem[] {
  const seen = new Set<string>();
  return values.flatMap((value, index) => {
    if (typeof value !== 'string') return [];
    if (seen.has(value)) return [{ path: path(index), message: `is used twice: ${quote(value)}; ${advice}` }];
    seen.add(value);
    return [];
  });
}
