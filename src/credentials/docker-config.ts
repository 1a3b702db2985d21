/** Docker configs and the Secrets that hold them: which credentials a kubelet reads from one, or why it fails. */
import { KEY_DOCKERCFG, KEY_DOCKER_CONFIG_JSON, TYPE_DOCKERCFG, TYPE_DOCKER_CONFIG_JSON } from '../names.ts';
import { decodeBase64 } from './base64.ts';
import { type ByteString, toText } from './byte-string.ts';
import { type Entries, type Entry, type Form, fold, readEntries } from './auth-entries.ts';
import { isDockerHub, misnamedDockerHub, normaliseKey, quoteKey, whyMisnamed } from './registry-name.ts';
import { unusable, type Unusable, WHY_CONTRADICTORY, WHY_UNUSABLE } from './usable-login.ts';

/** One entry, in plain text. Never log it, never put it into an error. */
export interface Credential {
  /** Registry key as written: host, optionally with scheme, port, path and globs. */
  key: string;
  /** What a kubelet reads: `auth` wins. Empty if the entry has none. */
  username: string;
  password: string;
  /** Used by nothing; `kubectl create secret docker-registry` writes it. */
  email?: string;
  /** Kubelets ignore it. */
  identityToken?: string;
  /** Why it has no usable login for a kubelet. Absent: it has one. */
  unusable?: Unusable;
  /** A kubelet uses it, but probably it is a mistake: `auth` differs from `username` or `password`. */
  contradictory?: true;
}

/** The part of a Secret that matters here, as the API server returns it: values of `data` are base64. */
export interface SecretContent {
  type?: string | undefined;
  data?: Readonly<Record<string, string>> | undefined;
}

/** Texts are one line each, name the registry key, and never hold any part of a credential. */
export type DockerConfig =
  | { ok: true; credentials: Credential[]; warnings: string[] }
  | {
      ok: false;
      problems: string[];
      /** true: with this Secret in `imagePullSecrets` all pulls of a pod fail. false: kubelets find no credential in it. */
      failsPulls: boolean;
    };

/** Never throws. A wrong type, missing or empty data, and a document without entries are problems, too. */
export function parseSecret(secret: SecretContent): DockerConfig {
  const found = contentOf(secret);
  return 'problem' in found
    ? { ok: false, problems: [found.problem], failsPulls: false }
    : parseDockerConfig(found.content, found.form);
}

/** Never throws. */
export function parseDockerConfig(content: string | Uint8Array, form: Form = 'dockerconfigjson'): DockerConfig {
  const read = readEntries(content, form);
  if (!read.ok) return { ...read, failsPulls: true };
  const empty = emptiness(read, form);
  if (empty !== undefined) return { ok: false, problems: [empty], failsPulls: false };
  const credentials = read.entries.map((entry) => toCredential(entry, isStored(read.others)));
  return {
    ok: true,
    credentials,
    warnings: [
      ...credentials.flatMap(warn),
      ...misnamed(credentials),
      ...ambiguities(read.entries),
      ...helpers(read.others),
    ],
  };
}

/** The document inside a pull Secret, as bytes. */
export function contentOf({ type, data }: SecretContent): { form: Form; content: Uint8Array } | { problem: string } {
  const form: Form | undefined =
    type === TYPE_DOCKER_CONFIG_JSON ? 'dockerconfigjson' : type === TYPE_DOCKERCFG ? 'dockercfg' : undefined;
  if (form === undefined)
    return {
      problem: `is of type ${JSON.stringify(type ?? 'Opaque')}; a pull Secret is of type ${TYPE_DOCKER_CONFIG_JSON}`,
    };
  const name = form === 'dockerconfigjson' ? KEY_DOCKER_CONFIG_JSON : KEY_DOCKERCFG;
  const value = data !== undefined && Object.hasOwn(data, name) ? (data[name] ?? '') : '';
  if (value === '') return { problem: `has nothing under data["${name}"]; put the Docker config there` };
  const content = decodeBase64(value, 'padded');
  if (content === undefined) return { problem: `data["${name}"] is not base64` };
  return { form, content: Buffer.from(content, 'latin1') };
}

/** Whether the document names a credential store or helpers, which kubelets cannot ask. */
const isStored = (others: Entries['others']): boolean => helpers(others).length > 0;

function toCredential(entry: Entry, stored: boolean): Credential {
  const { key, username, password, identityToken, contradictory, email } = entry;
  const why = unusable(entry, stored);
  return {
    key,
    username: toText(username),
    password: toText(password),
    ...(email !== '' && { email: toText(email) }),
    ...(identityToken !== undefined && { identityToken }),
    ...(why !== undefined && { unusable: why }),
    ...(contradictory && { contradictory }),
  };
}

function emptiness({ entries, others }: Entries, form: Form): string | undefined {
  const [first] = entries;
  if (first === undefined) {
    const legacy = form === 'dockerconfigjson' && others.some(({ value }) => hasLogin(value));
    return legacy
      ? `has registries at the top, the form of type ${TYPE_DOCKERCFG}; put them under "auths"`
      : 'has no registries; ' +
          `${isStored(others) ? 'its logins are in a credential store or helper, which kubelets cannot ask: ' : ''}` +
          `put at least one under ${form === 'dockerconfigjson' ? '"auths"' : 'its host name'}`;
  }
  if (form === 'dockercfg' && entries.length === 1 && first.key === 'auths' && !hasLogin(first.node)) {
    return `has the form of type ${TYPE_DOCKER_CONFIG_JSON}, in which kubelets find nothing under type ${TYPE_DOCKERCFG}; make it a Secret of that type`;
  }
  return undefined;
}

/** The form of a file, guessed from its content: the legacy form if registries with logins are at the top level. */
export function guessForm(content: string | Uint8Array): Form {
  const read = readEntries(content, 'dockerconfigjson');
  return read.ok && read.entries.length === 0 && read.others.some(({ value }) => hasLogin(value))
    ? 'dockercfg'
    : 'dockerconfigjson';
}

/** Whether this value is an entry, by the names of its fields. */
function hasLogin(value: Entry['node']): boolean {
  return (
    value.kind === 'object' && value.members.some(({ name }) => ['AUTH', 'USERNAME', 'PASSWORD'].includes(fold(name)))
  );
}

function warn({ key, password, unusable: why, contradictory }: Credential): string[] {
  const registry = `registry ${quoteKey(key)}`;
  return [
    ...(why === undefined ? [] : [`${registry}: ${WHY_UNUSABLE[why]}`]),
    ...(contradictory ? [`${registry}: ${WHY_CONTRADICTORY}`] : []),
    ...(/[\r\n]$/.test(password)
      ? [
          `${registry}: its password ends with a line break, which is hardly a part of it (echo adds one, echo -n does not)`,
        ]
      : []),
  ];
}

/** A key that is used for some images is told only where no other is for Docker Hub: then it may be there for just these. */
function misnamed(credentials: readonly Credential[]): string[] {
  const hasHub = credentials.some(({ key }) => isDockerHub(key) && misnamedDockerHub(key) === undefined);
  return credentials.flatMap(({ key }) => {
    const found = misnamedDockerHub(key);
    return found === undefined || (hasHub && !found.dead) ? [] : [`registry ${quoteKey(key)}: ${whyMisnamed(key)}`];
  });
}

/** Kubelets read a Secret's entries in the random order of a Go map: of two for one registry, a random one is tried first. */
function ambiguities(entries: readonly Entry[]): string[] {
  const first = new Map<ByteString, Entry>();
  return entries.flatMap((entry) => {
    const normal = normaliseKey(entry.key);
    const other = normal === undefined ? undefined : first.get(normal);
    if (normal !== undefined && other === undefined) first.set(normal, entry);
    if (other === undefined || (other.username === entry.username && other.password === entry.password)) return [];
    return [
      `registry ${quoteKey(entry.key)}: means the same to kubelets as ${quoteKey(other.key)}, ` +
        'with another login; which one they try first is random, so keep one',
    ];
  });
}

function helpers(others: Entries['others']): string[] {
  return others
    .filter(({ name, value }) => ['CREDHELPERS', 'CREDSSTORE'].includes(fold(name)) && !isBlank(value))
    .map(
      ({ name }) =>
        `"${fold(name) === 'CREDSSTORE' ? 'credsStore' : 'credHelpers'}": kubelets ignore it; write the logins under "auths"`,
    );
}

function isBlank(value: Entry['node']): boolean {
  return (
    value.kind === 'null' ||
    (value.kind === 'string' && value.value === '') ||
    (value.kind === 'object' && value.members.length === 0)
  );
}
