/** What must hold between the parts of a configuration. Works on documents with other errors too, so that one run lists all. */
import { lookup, makeKeyring } from '../credentials/keyring.ts';
import {
  canonicalRegistry,
  DOCKER_HUB,
  DOCKER_HUB_ENDPOINT,
  isDockerHub,
  leadsTo,
  registryHost,
} from '../credentials/registry-name.ts';
import { collisions } from './collisions.ts';
import { field, items, type CrossProblem } from './document.ts';
import { NOT_A_SECRET_KEY, SECRET_KEY } from './kubernetes-names.ts';
import { checkTemplate } from './placeholders.ts';

/** @param document as it was read: parts of the wrong shape are skipped here, the schema reports them. */
export function crossCheck(document: unknown): CrossProblem[] {
  const sources = items(field(document, 'sources'));
  const retired = items(field(document, 'retiredCopyNames'));
  const copyNames = sources.map((source) => field(source, 'copyName'));
  const names = sources.map((source) => field(source, 'name'));
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
      return typeof source === 'string' && !names.includes(source)
        ? [
            {
              path: ['cacheProxies', i, 'source'],
              message: `is not the name of a source: "${source}"; use one of: ${names.filter((name) => typeof name === 'string').join(', ')}`,
            },
          ]
        : [];
    }),
    ...repeated(
      proxies.map(secretOf),
      (i) => ['cacheProxies', i, 'secret'],
      'two cache proxies cannot share one Secret',
    ),
    ...proxies.flatMap((proxy, i) =>
      [...checkProxy(proxy), ...checkHost(proxy, sources)].map(({ path, message }) => ({
        path: ['cacheProxies', i, ...path],
        message,
      })),
    ),
    ...collisions(document),
    ...repeated(retired, (i) => ['retiredCopyNames', i], 'remove one of the two'),
    ...retired.flatMap((name, i) =>
      typeof name === 'string' && copyNames.includes(name)
        ? [{ path: ['retiredCopyNames', i], message: `is still the copyName of a source: "${name}"; remove it here` }]
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

/** The Secret that is rendered for a cache proxy. */
function secretOf(proxy: unknown): unknown {
  const secret = field(proxy, 'secret');
  const [namespace, name] = [field(secret, 'namespace'), field(secret, 'name')];
  return typeof namespace === 'string' && typeof name === 'string' ? `${namespace}/${name}` : undefined;
}

function checkProxy(proxy: unknown): CrossProblem[] {
  switch (field(proxy, 'kind')) {
    case 'distribution': {
      const key = field(proxy, 'passwordKey');
      return typeof key === 'string' && key === field(proxy, 'usernameKey')
        ? [{ path: ['passwordKey'], message: 'must be another key than usernameKey: one would overwrite the other' }]
        : [];
    }
    case 'template': {
      const files = field(proxy, 'files');
      if (typeof files !== 'object' || files === null || Array.isArray(files)) return [];
      if (Object.keys(files).length === 0)
        return [{ path: ['files'], message: 'needs at least one key with its template' }];
      return Object.entries(files).flatMap(([key, text]: [string, unknown]) =>
        [
          SECRET_KEY.test(key) ? undefined : NOT_A_SECRET_KEY,
          typeof text === 'string' ? checkTemplate(text) : undefined,
        ]
          .filter((message) => message !== undefined)
          .map((message) => ({ path: ['files', key], message })),
      );
    }
    case 'harbor': {
      const [registry, url] = [field(proxy, 'registry'), field(proxy, 'endpointUrl')];
      // The default leads to Docker Hub, which must never get the login of another registry.
      return typeof registry === 'string' &&
        typeof url === 'string' &&
        !isDockerHub(registry) &&
        leadsTo(url, DOCKER_HUB)
        ? [
            {
              path: ['endpointUrl'],
              message: `leads to Docker Hub, and the login is for "${registry}": add endpointUrl with the URL of that registry`,
            },
          ]
        : [];
    }
    default:
      return [];
  }
}

/**
 * kube-image-keeper looks a login up by the host of the image: without an entry for it in the copy, it pulls anonymously. Which
 * entries the source has is not known here, so the login must come by an alias.
 */
function checkHost(proxy: unknown, sources: readonly unknown[]): CrossProblem[] {
  const [host, registry, source] = [field(proxy, 'host'), field(proxy, 'registry'), field(proxy, 'source')];
  if (field(proxy, 'kind') !== 'kube-image-keeper' || typeof host !== 'string' || typeof registry !== 'string')
    return [];
  if (isSameHost(host, registry) || covers(registry, host)) return [];
  const named = sources.find((each) => field(each, 'name') === source);
  if (named === undefined) return [];
  const wanted = `{ host: ${JSON.stringify(host)}, from: ${JSON.stringify(registry)} }`;
  const covering = items(field(named, 'aliases')).filter((alias) => {
    const key = field(alias, 'host');
    return typeof key === 'string' && covers(key, host);
  });
  const good = covering.some((alias) => {
    const from = field(alias, 'from');
    return typeof from === 'string' && canonicalRegistry(from) === canonicalRegistry(registry);
  });
  if (good) return [];
  return [
    {
      path: ['host'],
      message:
        covering.length === 0
          ? `is another host than that of "${registry}", and source "${String(source)}" has no alias for it, so kube-image-keeper would pull anonymously: add ${wanted} to its aliases`
          : `has an alias with another login than that of "${registry}": make it ${wanted}, or correct "registry"`,
    },
  ];
}

/** The host of Docker Hub's API is another registry in names of images. */
function isSameHost(host: string, registry: string): boolean {
  const [one, other] = [host, registry].map((name) => registryHost(name));
  return one === other && !(isDockerHub(host) && host.includes(DOCKER_HUB_ENDPOINT));
}

/** Whether an entry with this key is for images of the host, or for some of them. */
function covers(key: string, host: string): boolean {
  const entry = { key, username: '', password: '' };
  const [, path = ''] = /^[^/]*(\/.*)?$/.exec(canonicalRegistry(key) ?? '') ?? [];
  return lookup(makeKeyring([{ credentials: [entry] }]), `${host}${path}/any`).length > 0;
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
