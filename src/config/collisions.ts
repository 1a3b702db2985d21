/** No Secret may be named for two uses. Works on documents with other errors too, like `cross-checks.ts`. */
import { canonicalRegistry } from '../credentials/registry-name.ts';
import { STATE_NAME } from '../names.ts';
import { quote } from '../text.ts';
import { field, firstBy, items, type CrossProblem } from './document.ts';

/** A Secret that the configuration names, and its use. */
interface Place {
  readonly path: CrossProblem['path'];
  readonly namespace: unknown;
  readonly name: unknown;
  /** Completes "is the Secret that ...". */
  readonly use: string;
}

export function collisions(document: unknown): CrossProblem[] {
  const sources = items(field(document, 'sources'));
  const proxies = items(field(document, 'cacheProxies'));
  const ownSecrets = sources.map((source, i) =>
    place(['sources', i, 'secret'], field(source, 'secret'), `source ${called(source)} is read from`),
  );
  const logins = [...sources.flatMap(aliasLogins), ...proxies.flatMap(proxyLogins)];
  const rendered = proxies.flatMap((proxy, i) => {
    const secret = field(proxy, 'secret');
    return secret === undefined
      ? []
      : [place(['cacheProxies', i, 'secret'], secret, `cache proxy ${called(proxy)} is given`)];
  });
  const read = firstBy([...ownSecrets, ...logins], identity);
  return [
    ...copyNames(document, [...rendered, ...logins]),
    ...[...ownSecrets, ...logins, ...rendered]
      .filter(({ name }) => name === STATE_NAME)
      .map(({ path }) => ({ path, message: `is named as ${STATE}; choose another name` })),
    ...sharedFields(proxies),
    ...rendered.flatMap((given) => {
      const other = typeof given.name === 'string' ? read.get(identity(given)) : undefined;
      if (other === undefined) return [];
      const name = quote(`${String(given.namespace)}/${String(given.name)}`);
      return [
        {
          path: given.path,
          message: `is the Secret that ${other.use}: ${name}; it would be written over, give the cache proxy a Secret of its own`,
        },
      ];
    }),
  ];
}

const STATE = `the Secret in which the controller keeps its state: "${STATE_NAME}"`;

/**
 * Copies are written and deleted by their name in all namespaces, and the rights are given for that name. (A source's own Secret
 * may have the name of its copies: the plan never writes it, and its owner may rename the copies later.)
 */
function copyNames(document: unknown, places: readonly Place[]): CrossProblem[] {
  const named = [
    ...items(field(document, 'sources')).map((source, i) => ({
      path: ['sources', i, 'copyName'],
      name: field(source, 'copyName'),
      todo: 'choose another name',
    })),
    ...items(field(document, 'retiredCopyNames')).map((name, i) => ({
      path: ['retiredCopyNames', i],
      name,
      todo: 'remove it here, or rename that Secret',
    })),
  ];
  const byName = firstBy(places, (place) => place.name);
  return named.flatMap(({ path, name, todo }) => {
    if (name === STATE_NAME)
      return [{ path, message: `is the name of ${STATE}; ${path.length === 2 ? 'remove it here' : todo}` }];
    const other = typeof name === 'string' ? byName.get(name) : undefined;
    if (other === undefined) return [];
    const why = 'copies are written and deleted by their name in all namespaces';
    return [
      { path, message: `is the name of the Secret that ${other.use}: ${quote(String(name))}; ${why}, so ${todo}` },
    ];
  });
}

/** Two cache proxies that share a field with one reference would point it at one copy and the other in turns, for ever. */
function sharedFields(proxies: readonly unknown[]): CrossProblem[] {
  const owners = new Map<string, unknown>();
  return proxies.flatMap((proxy, i) => {
    const key = fieldOf(proxy);
    const owner = key === undefined ? undefined : owners.get(key);
    if (key !== undefined && owner === undefined) owners.set(key, proxy);
    if (owner === undefined || field(owner, 'source') === field(proxy, 'source')) return [];
    const message = `is pointed by cache proxy ${called(owner)} already, at the copy of another source, and the field holds one; remove one of the two`;
    return [{ path: ['cacheProxies', i, 'object'], message }];
  });
}

/** The field that a cache proxy points at a copy, if it holds only one reference. */
function fieldOf(proxy: unknown): string | undefined {
  const object = field(proxy, 'object');
  const of = (...parts: unknown[]): string =>
    JSON.stringify([field(proxy, 'kind'), field(object, 'namespace'), field(object, 'name'), ...parts]);
  const host = field(proxy, 'host') ?? field(proxy, 'registry');
  if (field(proxy, 'kind') === 'kube-image-keeper' && typeof host === 'string')
    return of(field(object, 'kind'), canonicalRegistry(host) ?? host);
  if (field(proxy, 'kind') === 'custom-resource' && field(proxy, 'form') !== 'list') {
    return of(field(object, 'apiVersion'), field(object, 'resource'), field(proxy, 'path'));
  }
  return undefined;
}

function aliasLogins(source: unknown, i: number): Place[] {
  const namespace = field(field(source, 'secret'), 'namespace');
  return items(field(source, 'aliases')).flatMap((alias, j) => {
    const name = field(field(alias, 'login'), 'secret');
    const path = ['sources', i, 'aliases', j, 'login', 'secret'];
    return name === undefined
      ? []
      : [{ path, namespace, name, use: `an alias of source ${called(source)} takes its login from` }];
  });
}

function proxyLogins(proxy: unknown, i: number): Place[] {
  const [admin, probe, push] = [
    field(field(proxy, 'admin'), 'secret'),
    field(field(field(proxy, 'probe'), 'login'), 'secret'),
    field(field(field(proxy, 'probe'), 'push'), 'secret'),
  ];
  return [
    ...(admin === undefined
      ? []
      : [place(['cacheProxies', i, 'admin', 'secret'], admin, `cache proxy ${called(proxy)} is administered with`)]),
    ...(probe === undefined
      ? []
      : [
          place(
            ['cacheProxies', i, 'probe', 'login', 'secret'],
            probe,
            `the probe of cache proxy ${called(proxy)} logs in with`,
          ),
        ]),
    ...(push === undefined
      ? []
      : [
          place(
            ['cacheProxies', i, 'probe', 'push', 'secret'],
            push,
            `the probe of cache proxy ${called(proxy)} pushes with`,
          ),
        ]),
  ];
}

function place(path: Place['path'], secret: unknown, use: string): Place {
  return { path, namespace: field(secret, 'namespace'), name: field(secret, 'name'), use };
}

/** What is no text is no name, and like no other. */
const identity = ({ namespace, name }: Place): unknown =>
  typeof name === 'string' && typeof namespace === 'string' ? JSON.stringify([namespace, name]) : {};
const called = (part: unknown): string => quote(String(field(part, 'name')));
