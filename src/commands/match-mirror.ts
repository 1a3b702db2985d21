/** `pullpass match --mirror --runtime crio`: the login that CRI-O sends to a mirror, and why the others are not it. */
import { createColors } from 'picocolors';
import type { Colors } from 'picocolors/types.js';
import { crioLogin } from '../credentials/crio-mirror.ts';
import type { CrioMiss, NamespaceSecret } from '../credentials/crio-mirror.ts';
import type { SecretContent } from '../credentials/docker-config.ts';
import { describeMatch } from '../credentials/explain.ts';
import { redactKey } from '../credentials/registry-name.ts';
import { KEY_DOCKER_CONFIG_JSON, TYPE_DOCKER_CONFIG_JSON } from '../names.ts';
import { printable } from '../text.ts';
import type { RUNTIMES } from './choices.ts';
import { readImage } from './match-lookup.ts';
import type { MatchResult } from './match-lookup.ts';
import { grid, show } from './match-text.ts';
import { render } from './output.ts';
import type { Output } from './output.ts';
import { readSecretManifest } from './secret-manifest.ts';

export type Runtime = (typeof RUNTIMES)[number];

interface Login {
  readonly key: string;
  readonly username: string;
  readonly secret?: string;
  readonly why: string;
}

export interface CrioResult {
  /** As given. */
  readonly image: string;
  readonly repository: string;
  readonly mirror: string;
  /** From the credential provider at most one; from the pod, as many as the kubelet tries. */
  readonly logins: readonly Login[];
  readonly misses: readonly Pick<CrioMiss, 'key' | 'secret' | 'why' | 'near'>[];
  /** Lines for stderr. */
  readonly notes: readonly string[];
}

/** A file, as if it were the only pull Secret of the namespace. */
export const secretOf = (text: string): SecretContent =>
  readSecretManifest(text) ?? {
    type: TYPE_DOCKER_CONFIG_JSON,
    data: { [KEY_DOCKER_CONFIG_JSON]: Buffer.from(text).toString('base64') },
  };

/** Throws UsageError for an invalid image. */
export function fromNamespace(image: string, mirror: string, secrets: readonly NamespaceSecret[]): CrioResult {
  const repository = readImage(image).name;
  const { pick, misses, notes } = crioLogin(secrets, repository, mirror);
  const logins =
    pick === undefined
      ? []
      : [
          {
            key: pick.key,
            username: pick.login.username,
            ...(pick.secret !== undefined && { secret: pick.secret }),
            why:
              pick.trimmed === mirror
                ? "it is the mirror's location"
                : "no longer path of the mirror's location has an entry",
          },
        ];
  return { image, repository, mirror, logins, misses, notes };
}

/** A mirror on the image's own host gets what the kubelet hands over. */
export const fromPod = ({ image, reference, matches, notes }: MatchResult, mirror: string): CrioResult => ({
  image,
  repository: reference.name,
  mirror,
  logins: matches.map((match) => ({
    key: match.credential.key,
    username: match.credential.username,
    ...(match.secret !== undefined && { secret: match.secret }),
    why: `${describeMatch(match)}; the mirror is on the host of the image, and so gets the pod's own login`,
  })),
  misses: [],
  notes,
});

/** The text ends with a line break. */
export function renderCrio(result: CrioResult, output: Output, color: boolean): string {
  const { image, repository, mirror, logins } = result;
  const data = {
    image,
    repository,
    mirror: { location: mirror, runtime: 'crio' },
    matches: logins.map(({ key, username }) => ({ key: redactKey(key), username })),
  };
  return render(output, data, () => crioText(result, createColors(color)));
}

function crioText({ repository, mirror, logins, misses }: CrioResult, c: Colors): string {
  const near = misses.filter((miss) => miss.near);
  const far = misses.filter((miss) => !miss.near);
  const named = [...logins, ...misses].some(({ secret }) => secret !== undefined);
  const head = (...words: string[]): string[] => ['KEY', ...words.filter((word) => named || word !== 'SECRET')];
  const secret = (name: string | undefined): string[] => (named ? [name ?? ''] : []);
  const parts = [
    logins.length === 0
      ? c.yellow(
          `No login for ${mirror}: unless the node has one in a file, CRI-O asks it without, and where it is refused goes on to upstream without a word.\n`,
        )
      : `For ${c.bold(repository)} CRI-O sends to ${c.bold(mirror)}:\n\n${grid(
          head('USERNAME', 'SECRET', 'WHY'),
          logins.map((login) => [
            c.green(show(login.key)),
            printable(login.username),
            ...secret(login.secret),
            login.why,
          ]),
          c,
        )}`,
  ];
  if (near.length > 0)
    parts.push(
      `Not used:\n\n${grid(
        head('SECRET', 'WHY NOT'),
        near.map((miss) => [show(miss.key), ...secret(miss.secret), miss.why]),
        c,
      )}`,
    );
  if (far.length > 0)
    parts.push(c.dim(`Not for this mirror: ${[...new Set(far.map(({ key }) => show(key)))].join(', ')}\n`));
  return parts.join('\n');
}
