/** Tries logins at their registries, shows what would change, and writes them into the source. */
import type { Configuration, SourceConfig } from '../config/schema.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { withLogin } from '../credentials/edit-docker-config.ts';
import { quoteKey } from '../credentials/registry-name.ts';
import { loginExpiry } from '../credentials/token-expiry.ts';
import { UserError } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import { ANNOTATION_EXPIRES_AT } from '../names.ts';
import { createRefusals } from '../observe/refusals.ts';
import type { Reach } from '../proxies/reach.ts';
import { createPreflight } from '../sources/preflight.ts';
import { peekState } from '../sources/snapshot.ts';
import { agree, minute, plural, quote } from '../text.ts';
import { secretName } from './source-secret.ts';
import { writeSourceSecret } from './write-source.ts';
import type { SecretOptions, SourceSecret } from './source-secret.ts';

const EXIT_REFUSED = 3;

type LoginVerdict = Awaited<ReturnType<Reach['check']>>;

export interface StoreOptions extends SecretOptions {
  readonly configuration: Configuration;
  /** Namespace of the controller, which remembers logins that were refused. */
  readonly namespace: string;
  readonly reach: Pick<Reach, 'check'>;
  /** Whether an answer other than yes changes nothing either. */
  readonly requireAccepted: boolean;
  readonly say: (line: string) => void;
  readonly warn: (line: string) => void;
}

/**
 * `logins`: under the keys of the source, each key once. Resolves to whether anything was changed. Throws UserError, with status 3
 * if a registry refuses one.
 */
export async function storeLogins(
  secret: SourceSecret,
  logins: readonly Credential[],
  options: StoreOptions,
): Promise<boolean> {
  const { source, say, warn } = options;
  await tryAll(logins, options);
  const old = new Map(secret.credentials.map((entry) => [entry.key, entry]));
  const changed = logins.filter((login) => !isSame(old.get(login.key), login));
  for (const login of changed) {
    say(difference(old.get(login.key), login));
    const ends = loginExpiry(login);
    if (ends !== undefined)
      warn(`registry ${quoteKey(login.key)}: this password is a token that ends ${minute(ends.getTime())}`);
  }
  const what = `Secret ${secretName(source)}`;
  if (changed.length === 0) {
    say(`${what}: nothing to change, it has ${agree(logins.length, 'this login', 'these logins')} already`);
    return false;
  }
  if (secret.writer !== undefined) warn(`${what} is written by ${secret.writer}, which may undo this change`);
  if (secret.saysEnd === true)
    warn(
      `${what} has the annotation ${ANNOTATION_EXPIRES_AT}, which is about the login before: take it away, and write when this one ends`,
    );
  const stay = secret.credentials.filter(({ key }) => !changed.some((login) => login.key === key)).length;
  say(
    secret.version === undefined
      ? `${what} (source ${source.name}) does not exist and is created`
      : `${what} (source ${source.name}): ${plural(stay, 'other entry stays', 'other entries stay')} as ${agree(stay, 'it is', 'they are')}`,
  );
  await writeSourceSecret(secret, {
    ...options,
    keys: changed.map(({ key }) => key),
    edit: ({ content, form }) => changed.reduce((text, login) => withLogin(text, form, login.key, login), content),
  });
  say('Login stored');
  return true;
}

async function tryAll(
  logins: readonly Credential[],
  { client, configuration, source, namespace, reach, requireAccepted, signal, say, warn }: StoreOptions,
): Promise<void> {
  const verdicts = await attemptAll(logins, { client, configuration, namespace, reach, signal });
  const of = (state: LoginVerdict['state']) => verdicts.filter((verdict) => verdict.state === state);
  const [refused, unknown] = [of('refused'), of('unknown')];
  const whys = (some: readonly LoginVerdict[]): string => [...new Set(some.map(({ why }) => why))].join('; ');
  if (refused.length > 0)
    throw new UserError(`login: ${whys(refused)}; nothing was changed`, { exitCode: EXIT_REFUSED });
  if (unknown.length > 0 && requireAccepted)
    throw new UserError(`login: not known to be accepted: ${whys(unknown)}; nothing was changed (--require-accepted)`);
  for (const why of new Set(of('accepted').map((verdict) => verdict.why))) say(why);
  const then = held(source);
  for (const why of new Set(unknown.map((verdict) => verdict.why))) warn(`not known to be accepted: ${why}${then}`);
}

const held = ({ verify, name }: SourceConfig): string =>
  verify === 'enforce'
    ? `; source ${name} says verify: enforce, so that the controller holds it back until it knows`
    : '';

/** What the controller was refused with just now is not tried once more: registries lock accounts after a few failures. */
async function attemptAll(
  logins: readonly Credential[],
  {
    client,
    configuration,
    namespace,
    reach,
    signal,
  }: { client: KubeClient } & Pick<StoreOptions, 'configuration' | 'namespace' | 'reach' | 'signal'>,
): Promise<LoginVerdict[]> {
  const { state } = await peekState(client, namespace, signal);
  const preflight = createPreflight({
    state,
    refusals: createRefusals(state),
    onVerdict: () => undefined,
    check: (credential, until) => reach.check(configuration, credential, AbortSignal.any([signal, until])),
  });
  try {
    return await Promise.all(logins.map((login) => preflight.attempt(login)));
  } finally {
    preflight.stop();
  }
}

const isSame = (old: Credential | undefined, { username, password }: Credential): boolean =>
  old?.username === username &&
  old.password === password &&
  old.unusable === undefined &&
  old.contradictory === undefined;

/** Without any part of a password. */
function difference(old: Credential | undefined, login: Credential): string {
  const registry = `registry ${quoteKey(login.key)}`;
  if (old === undefined) return `${registry}: new entry, user name ${quote(login.username)}`;
  const name =
    old.username === login.username
      ? `user name ${quote(login.username)} unchanged`
      : `user name ${quote(old.username)} -> ${quote(login.username)}`;
  const rest = old.password !== login.password ? 'changed' : old.contradictory ? 'written anew' : 'unchanged';
  return `${registry}: ${name}, password ${rest}`;
}
