/**
 * `pullpass match IMAGE`: which credentials a kubelet would try, in order, and why. Pure: `main.ts` reads the file or
 * the Secrets, prints what comes back and exits with the status.
 */
import {
  type DockerConfig,
  type SecretContent,
  guessForm,
  parseDockerConfig,
  parseSecret,
} from '../credentials/docker-config.ts';
import { type Miss, explain } from '../credentials/explain.ts';
import { type ImageReference, parseImage } from '../credentials/image-reference.ts';
import { type KeyringSource, lookup, makeKeyring } from '../credentials/keyring.ts';
import { WHY_UNUSABLE } from '../credentials/usable-login.ts';
import { UsageError, UserError } from '../errors.ts';
import { readSecretManifest } from './match-manifest.ts';
import { type MatchOutput, type MatchResult, renderMatch } from './match-render.ts';

/** One entry of the pod's `imagePullSecrets`, in its order. */
export interface PullSecret {
  name: string;
  /** What the API server returned. Undefined: there is no such Secret. */
  secret: SecretContent | undefined;
}
export interface MatchOptions {
  image: string;
  /** `name`: how to call the file in an error. */
  from: { dockerConfig: string; name: string } | { pullSecrets: readonly PullSecret[] };
  output: MatchOutput;
  color: boolean;
}

const EXIT_NO_MATCH = 4;

/** Throws {@link UsageError} for an image that is none, {@link UserError} for pull Secrets with which every pull fails. */
export function runMatch({ image, from, output, color }: MatchOptions): {
  text: string;
  notes: string[];
  exitCode: number;
} {
  const result =
    'pullSecrets' in from ? match(image, from.pullSecrets) : matchFromDockerConfig(image, from.dockerConfig, from.name);
  return {
    text: renderMatch(result, output, color),
    notes: result.notes,
    exitCode: result.matches.length > 0 ? 0 : EXIT_NO_MATCH,
  };
}

/** `text`: a Docker config (`~/.docker/config.json`, or the legacy `.dockercfg`), or the manifest of a Secret in JSON or YAML. */
export function matchFromDockerConfig(image: string, text: string, name = 'the Docker config'): MatchResult {
  const reference = readImage(image);
  const secret = readSecretManifest(text);
  const config = secret === undefined ? parseDockerConfig(text, guessForm(text)) : parseSecret(secret);
  // A Secret manifest that kubelets skip is not what the user meant; a Docker config without logins is just that.
  if (!config.ok && (config.failsPulls || secret !== undefined)) throw unusable(name, config.problems);
  const credentials = config.ok ? config.credentials : [];
  return tryAll(
    image,
    reference,
    [{ credentials }],
    (config.ok ? config.warnings : config.problems).map((note) => `${name}: ${note}`),
  );
}

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
    // One unreadable Secret fails every pull of the pod, whatever the others hold.
    if (!config.ok && config.failsPulls) throw unusable(`Secret "${name}"`, config.problems);
    notes.push(...(config.ok ? config.warnings : config.problems).map((note) => `Secret "${name}": ${note}`));
    if (config.ok) sources.push({ secret: name, credentials: config.credentials });
  }
  return tryAll(image, reference, sources, notes);
}

function tryAll(image: string, reference: ImageReference, sources: KeyringSource[], notes: string[]): MatchResult {
  const keyring = makeKeyring(sources);
  const all = lookup(keyring, reference.name);
  // A kubelet has nothing to send of these: the pull is anonymous, whatever the key says.
  const useless = all
    .filter(({ credential }) => credential.unusable !== undefined)
    .map((entry): Miss => ({ ...entry, why: WHY_UNUSABLE[entry.credential.unusable ?? 'no login'], near: true }));
  return {
    image,
    reference,
    matches: all.filter(({ credential }) => credential.unusable === undefined),
    misses: [...useless, ...explain(keyring, reference.name)],
    notes,
  };
}

function readImage(image: string): ImageReference {
  const parsed = parseImage(image);
  if (!parsed.ok) throw new UsageError(parsed.problem);
  return parsed.image;
}

function unusable(what: string, [first = 'cannot be read', ...more]: string[]): UserError {
  return new UserError(`${what}: ${first}${more.length > 0 ? ` (and ${more.length} more like it)` : ''}`);
}
