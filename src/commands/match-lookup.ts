/** Looks up an image in pull Secrets as a kubelet does. Pure. */
import { guessForm, parseDockerConfig, parseSecret } from '../credentials/docker-config.ts';
import type { DockerConfig, SecretContent } from '../credentials/docker-config.ts';
import { explain } from '../credentials/explain.ts';
import type { Miss } from '../credentials/explain.ts';
import { parseImage, whyNoRegistry } from '../credentials/image-reference.ts';
import type { ImageReference } from '../credentials/image-reference.ts';
import { lookup, makeKeyring } from '../credentials/keyring.ts';
import type { KeyringSource, Match } from '../credentials/keyring.ts';
import { WHY_UNUSABLE } from '../credentials/usable-login.ts';
import { UsageError, UserError } from '../errors.ts';
import { readSecretManifest } from './secret-manifest.ts';

/** One item of `imagePullSecrets`. */
export interface PullSecret {
  name: string;
  /** What the API server returned; undefined: there is no such Secret. */
  secret: SecretContent | undefined;
}
export interface MatchResult {
  /** As given. */
  image: string;
  reference: ImageReference;
  /** In the order in which a kubelet tries them. */
  matches: Match[];
  misses: Miss[];
  /** A mirror of containerd, which gets the pod's login; absent: it was not asked about. */
  mirror?: string;
  /** Lines for stderr. */
  notes: string[];
}

/**
 * `text`: a Docker config (`~/.docker/config.json`, or the legacy `.dockercfg`), or the manifest of a Secret in JSON or YAML.
 * `name`: its name in errors. Throws UsageError for an invalid image, UserError if every pull fails or kubelets skip the Secret.
 */
export function matchFromDockerConfig(image: string, text: string, name: string): MatchResult {
  const reference = readImage(image);
  const secret = readSecretManifest(text);
  const config = secret === undefined ? parseDockerConfig(text, guessForm(text)) : parseSecret(secret);
  // A Secret that kubelets skip is a mistake of the user. A Docker config without logins is valid: nothing matches.
  if (!config.ok && (config.failsPulls || secret !== undefined)) throw unusable(name, config.problems);
  const credentials = config.ok ? config.credentials : [];
  return tryAll(
    image,
    reference,
    [{ credentials }],
    (config.ok ? config.warnings : config.problems).map((note) => `${name}: ${note}`),
  );
}

/** Throws UsageError for an invalid image, UserError if a Secret makes every pull fail. */
export function match(image: string, pullSecrets: readonly PullSecret[]): MatchResult {
  const reference = readImage(image);
  const notes: string[] = [];
  const sources: KeyringSource[] = [];
  for (const { name, secret } of pullSecrets) {
    const config: DockerConfig =
      secret === undefined
        ? {
            ok: false,
            problems: ['does not exist; kubelets go on without it, with a Warning Event on each pull'],
            failsPulls: false,
          }
        : parseSecret(secret);
    // One Secret that cannot be parsed makes every pull of the pod fail, whatever the other Secrets hold.
    if (!config.ok && config.failsPulls) throw unusable(`Secret "${name}"`, config.problems);
    notes.push(...(config.ok ? config.warnings : config.problems).map((note) => `Secret "${name}": ${note}`));
    if (config.ok) sources.push({ secret: name, credentials: config.credentials });
  }
  return tryAll(image, reference, sources, notes);
}

function tryAll(image: string, reference: ImageReference, sources: KeyringSource[], notes: string[]): MatchResult {
  const keyring = makeKeyring(sources);
  const noRegistry = whyNoRegistry(reference);
  const all = lookup(keyring, reference.name);
  // From these entries a kubelet has no login to send: although the key matches, the pull is anonymous.
  const useless = all
    .filter(({ credential }) => credential.unusable !== undefined)
    .map((entry): Miss => ({ ...entry, why: WHY_UNUSABLE[entry.credential.unusable ?? 'no login'], near: true }));
  return {
    image,
    reference,
    matches: all.filter(({ credential }) => credential.unusable === undefined),
    misses: [...useless, ...explain(keyring, reference.name)],
    notes: noRegistry === undefined ? notes : [noRegistry, ...notes],
  };
}

export function readImage(image: string): ImageReference {
  const parsed = parseImage(image);
  if (!parsed.ok) throw new UsageError(parsed.problem);
  return parsed.image;
}

function unusable(what: string, [first = 'cannot be read', ...more]: string[]): UserError {
  return new UserError(`${what}: ${first}${more.length > 0 ? ` (and ${more.length} more like it)` : ''}`);
}
