/** Parses image references as the kubelet does (the grammar of distribution/reference). */
import { DOCKER_HUB, misnamedDockerHub } from './registry-name.ts';
import { printable } from '../text.ts';

export interface ImageReference {
  /** Host, optionally with a port. Empty for a name whose first part only looks like a host: `a_b.c/d`. */
  registry: string;
  /** Path within the registry: `library/nginx`. */
  repository: string;
  /** `registry/repository`: what the kubelet looks up in its keyring. */
  name: string;
  /** As written; absent: `latest`, unless there is a digest. */
  tag?: string;
  digest?: string;
}
type ImageResult = { ok: true; image: ImageReference } | { ok: false; problem: string };

const DOMAIN =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/;
const PATH_COMPONENT = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGESTS = { sha256: /^[a-f0-9]{64}$/, sha384: /^[a-f0-9]{96}$/, sha512: /^[a-f0-9]{128}$/ };
const MAX_PATH = 255;

/** Never throws; the problem is one line that names the image. */
export function parseImage(reference: string): ImageResult {
  const no = (why: string): ImageResult => ({
    ok: false,
    problem: `"${printable(reference.slice(0, 300))}" is not an image reference: ${why}`,
  });
  if (reference === '') return no('it is empty');
  if (reference.includes('://')) return no('it starts with a scheme; write it as in a pod: host/repository:tag');
  if (DIGESTS.sha256.test(reference)) return no('64 hexadecimal digits are an image id, not a name');

  const [domain, remainder] = splitDomain(reference);
  const [beforeDigest, digest] = cut(remainder, '@');
  const [path, tag] = cut(beforeDigest, ':');
  if (path !== path.toLowerCase()) return no('the repository must be lower case');
  // A first part that is no valid host can still be part of the path, where underscores are allowed.
  const registry = DOMAIN.test(domain) ? domain : '';
  const repository = registry === '' ? `${domain}/${path}` : path;
  const components = repository.split('/');
  if (!components.every((component) => PATH_COMPONENT.test(component))) {
    return no('a repository is made of lower-case letters and digits, separated by ".", "_", "__", "-" or "/"');
  }
  if (repository.length > MAX_PATH) return no(`the repository is longer than ${MAX_PATH} characters`);
  if (tag !== undefined && !TAG.test(tag))
    return no('a tag has up to 128 letters, digits, "_", "." and "-", and does not start with "." or "-"');
  if (digest !== undefined && !isDigest(digest))
    return no('a digest is sha256:, sha384: or sha512: with all its lower-case hexadecimal digits');
  return {
    ok: true,
    image: {
      registry,
      repository,
      name: registry === '' ? repository : `${registry}/${repository}`,
      ...(tag === undefined ? {} : { tag }),
      ...(digest === undefined ? {} : { digest }),
    },
  };
}

/** Why nothing can be pulled from the host of an image: it is a name that people take for Docker Hub's. One clause. */
export function whyNoRegistry({ registry, repository }: ImageReference): string | undefined {
  return registry !== DOCKER_HUB && misnamedDockerHub(registry)?.dead === true
    ? `${registry} is no registry; on Docker Hub the image is ${DOCKER_HUB}/${repository}`
    : undefined;
}

/** `corp/app`: valid by the grammar of image names, so that it is safe in a URL. */
export function isRepository(repository: string): boolean {
  return isImage(repository, 'latest');
}

/** Whether both are safe in a URL. `reference`: a tag or a digest. */
export function isImage(repository: string, reference: string): boolean {
  const parsed = parseImage(`a.b/${repository}${reference.includes(':') ? '@' : ':'}${reference}`);
  return parsed.ok && parsed.image.repository === repository && (parsed.image.tag ?? parsed.image.digest) === reference;
}

/** The first part is a host if it is `localhost` or has a ".", ":" or upper-case letter; all else is on Docker Hub. */
function splitDomain(reference: string): [domain: string, remainder: string] {
  const [first, rest] = cut(reference, '/');
  if (rest === undefined) return [DOCKER_HUB, `library/${reference}`];
  const isHost = first === 'localhost' || /[.:]/.test(first) || first !== first.toLowerCase();
  const domain = !isHost || first === 'index.docker.io' ? DOCKER_HUB : first;
  const remainder = isHost ? rest : reference;
  return [domain, domain === DOCKER_HUB && !remainder.includes('/') ? `library/${remainder}` : remainder];
}

function isDigest(digest: string): boolean {
  const [algorithm, encoded = ''] = cut(digest, ':');
  return Object.entries(DIGESTS).some(([name, pattern]) => name === algorithm && pattern.test(encoded));
}

function cut(text: string, separator: string): [before: string, after: string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
