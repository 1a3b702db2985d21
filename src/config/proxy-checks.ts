/** What must hold within one cache proxy, and between it and its source. Works on documents with other errors too. */
import { quote } from '../text.ts';
import { DOCKER_HUB, isDockerHub, leadsTo, quoteKey } from '../credentials/registry-name.ts';
import { WITHOUT_ENDPOINT } from './cache-proxies.ts';
import { field, items, type CrossProblem } from './document.ts';
import { ALLOWED, DENIED, GLOB, matchNames } from './glob.ts';
import { NOT_A_SECRET_KEY, SECRET_KEY } from './kubernetes-names.ts';
import { checkTemplate } from './placeholders.ts';

/** Paths are within the cache proxy. */
export function checkProxy(proxy: unknown): CrossProblem[] {
  return [...checkKind(proxy), ...checkProbe(proxy)];
}

function checkKind(proxy: unknown): CrossProblem[] {
  const registry = field(proxy, 'registry');
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
      const url = field(proxy, 'endpointUrl');
      // The default leads to Docker Hub, which must never get the login of another registry.
      return typeof registry === 'string' &&
        typeof url === 'string' &&
        !isDockerHub(registry) &&
        leadsTo(url, DOCKER_HUB)
        ? [
            {
              path: ['endpointUrl'],
              message: `leads to Docker Hub, and the login is for ${quoteKey(registry)}: add endpointUrl with the URL of that registry`,
            },
          ]
        : [];
    }
    case 'gitlab':
      return typeof registry === 'string' && !isDockerHub(registry)
        ? [
            {
              path: ['registry'],
              message:
                `is ${quoteKey(registry)}, and GitLab's dependency proxy pulls from Docker Hub only: ` +
                `write ${DOCKER_HUB}, or use a product of another kind`,
            },
          ]
        : [];
    default:
      return [];
  }
}

function checkProbe(proxy: unknown): CrossProblem[] {
  const kind = field(proxy, 'kind');
  return typeof kind === 'string' && WITHOUT_ENDPOINT.has(kind) && field(proxy, 'probe') !== undefined
    ? [
        {
          path: ['probe'],
          message: `must not be there: ${kind} has no endpoint through which an image could be asked for; nodes pull, with the copy`,
        },
      ]
    : [];
}

/** Where the product reads the copy: a namespace without a copy is one that it waits for in vain. `source`: of the cache proxy. */
export function guardCheck(): (proxy: unknown, source: unknown) => CrossProblem[] {
  const guards = new Map<unknown, ((namespace: string) => boolean) | undefined>();
  return (proxy, source) => {
    const own = field(field(proxy, 'object'), 'namespace');
    const [place, path] =
      field(proxy, 'copyNamespace') === undefined
        ? [own, ['object', 'namespace']]
        : [field(proxy, 'copyNamespace'), ['copyNamespace']];
    // A longer one is no name of a namespace, and costs the more to match.
    if (typeof place !== 'string' || place.length > 63 || source === undefined) return [];
    if (!guards.has(source)) guards.set(source, guardOf(source));
    if (guards.get(source)?.(place) !== false) return [];
    return [
      {
        path,
        message:
          `is "${place}", which the guard of source ${quote(String(field(source, 'name')))} does not admit, so that no copy is ` +
          'ever there: change its namespaces.allow or deny, or choose another namespace',
      },
    ];
  };
}

/** Undefined: it has errors of its own. */
function guardOf(source: unknown): ((namespace: string) => boolean) | undefined {
  const guard = field(source, 'namespaces');
  const [allow, deny] = [patterns(field(guard, 'allow'), ALLOWED), patterns(field(guard, 'deny'), DENIED)];
  if (allow === undefined || deny === undefined) return undefined;
  const [takes, leaves] = [matchNames(allow), matchNames(deny)];
  return (namespace) => takes(namespace) && !leaves(namespace);
}

/** Undefined: the list has errors of its own. */
function patterns(list: unknown, whenMissing: readonly string[]): readonly string[] | undefined {
  if (list === undefined) return whenMissing;
  const texts = items(list).filter((item) => typeof item === 'string');
  return Array.isArray(list) && texts.length === list.length && texts.every((text) => GLOB.test(text))
    ? texts
    : undefined;
}
