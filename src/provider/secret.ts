/** The one Secret that a provider writes: whose it is, what it holds, and how it is written. */
import type { V1Secret } from '@kubernetes/client-node';
import type { AskConfig, ProviderConfig } from '../config/provider.ts';
import { parseSecret } from '../credentials/docker-config.ts';
import { lookup, makeKeyring } from '../credentials/keyring.ts';
import { findEntry } from '../credentials/registry-name.ts';
import { renderContent } from '../credentials/render-docker-config.ts';
import { isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { paths } from '../kube/paths.ts';
import {
  ANNOTATION_ADOPT,
  ANNOTATION_EXPIRES_AT,
  ANNOTATION_PROVIDER,
  ANNOTATION_RENEW_AT,
  KEY_DOCKER_CONFIG_JSON,
  LABEL_MANAGED_BY,
  LABEL_ROLE,
  MANAGER,
  PROVIDER_MANAGER,
  TYPE_DOCKER_CONFIG_JSON,
} from '../names.ts';
import { quote } from '../text.ts';
import type { Login } from './answer.ts';

const ROLE = 'provider';

/** What is written, or was. */
export interface Content {
  /** The value of `.dockerconfigjson`. Never log it. */
  readonly config: string;
  /** Milliseconds since 1970; undefined: nothing says when the login ends. */
  readonly expiresAt: number | undefined;
  readonly renewAt: number;
}

export interface Version {
  readonly uid: string;
  readonly resourceVersion: string;
}

export type Observed =
  | { readonly state: 'absent' }
  /** `why` continues the text `Secret x `, and says what to do. */
  | { readonly state: 'foreign'; readonly why: string; readonly version: Version }
  /** `by`: digest of the document that it was written by. `content` undefined: it is not what a provider wrote. */
  | {
      readonly state: 'ours';
      readonly by: string | undefined;
      readonly content: Content | undefined;
      readonly version: Version;
    };

export const contentOf = (logins: readonly Login[]): string => renderContent(logins);

/** @throws ApiError, UnreachableError */
export async function readSecret(
  client: KubeClient,
  { secret, ask }: ProviderConfig,
  signal: AbortSignal,
): Promise<Observed> {
  try {
    const path = paths.secrets(secret.namespace, secret.name);
    return observe(await client.get<V1Secret>(path, { sensitive: true, signal }), ask);
  } catch (error) {
    if (isNotFound(error)) return { state: 'absent' };
    throw error;
  }
}

export function observe(secret: V1Secret, ask: AskConfig): Observed {
  const { metadata = {}, type, immutable } = secret;
  const { labels = {}, annotations = {} } = metadata;
  const version = { uid: metadata.uid ?? '', resourceVersion: metadata.resourceVersion ?? '' };
  const foreign = (why: string): Observed => ({ state: 'foreign', why, version });
  if (labels[LABEL_ROLE] !== ROLE && annotations[ANNOTATION_ADOPT] !== 'true')
    return foreign(
      `was not made by pullpass provider: give the provider another name, or annotate the Secret ${ANNOTATION_ADOPT}="true" if it may be overwritten`,
    );
  if (metadata.deletionTimestamp !== undefined) return foreign('is being deleted: it is made anew when it is gone');
  if (type !== TYPE_DOCKER_CONFIG_JSON)
    return foreign(`is of type ${quote(type ?? 'Opaque')}, which cannot be changed: delete it`);
  if (immutable === true) return foreign('is immutable: delete it');
  const config = Buffer.from(secret.data?.[KEY_DOCKER_CONFIG_JSON] ?? '', 'base64').toString();
  const renewAt = timeOf(annotations[ANNOTATION_RENEW_AT]);
  const complete = renewAt !== undefined && labels[LABEL_ROLE] === ROLE && holdsLogin(secret, ask);
  return {
    state: 'ours',
    by: annotations[ANNOTATION_PROVIDER],
    content: complete ? { config, expiresAt: timeOf(annotations[ANNOTATION_EXPIRES_AT]), renewAt } : undefined,
    version,
  };
}

/** @throws ApiError, UnreachableError. 409: somebody else wrote it first. */
export async function writeSecret(
  client: KubeClient,
  { namespace, name }: ProviderConfig['secret'],
  { config, expiresAt, renewAt }: Content,
  { by, version, signal }: { by: string; version: Version | undefined; signal: AbortSignal },
): Promise<void> {
  const body: V1Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      namespace,
      name,
      labels: { [LABEL_MANAGED_BY]: MANAGER, [LABEL_ROLE]: ROLE },
      annotations: {
        ...(expiresAt !== undefined && { [ANNOTATION_EXPIRES_AT]: timestamp(expiresAt) }),
        [ANNOTATION_RENEW_AT]: timestamp(renewAt),
        [ANNOTATION_PROVIDER]: by,
      },
      ...version,
    },
    type: TYPE_DOCKER_CONFIG_JSON,
    data: { [KEY_DOCKER_CONFIG_JSON]: Buffer.from(config).toString('base64') },
  };
  // Forced only if it is the very Secret that was looked at: one that was made in the meantime answers 409.
  const query = { fieldManager: PROVIDER_MANAGER, force: version !== undefined };
  await client.patch(paths.secrets(namespace, name), 'application/apply-patch+yaml', body, {
    query,
    signal,
    sensitive: true,
  });
}

/** Whether pods get a usable login for all that is asked for. */
function holdsLogin({ type, data }: V1Secret, ask: AskConfig): boolean {
  const parsed = parseSecret({ type, data });
  if (!parsed.ok) return false;
  const usable = parsed.credentials.filter(({ unusable, contradictory }) => unusable === undefined && !contradictory);
  return 'plugin' in ask
    ? lookup(makeKeyring([{ credentials: usable }]), ask.image).length > 0
    : ask.registries.every((registry) => findEntry(usable, registry) !== undefined);
}

/** The first instant of a second: nothing is promised for longer than it lasts. */
const timestamp = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

function timeOf(text: string | undefined): number | undefined {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}
