/** Writes a source's Secret under a version guard: what others write meanwhile is kept. */
import { entryText } from '../credentials/edit-docker-config.ts';
import { quoteKey } from '../credentials/registry-name.ts';
import { UserError } from '../errors.ts';
import { isNotFound, isRace } from '../kube/api-error.ts';
import { paths } from '../kube/paths.ts';
import { beforeRerun } from '../kube/races.ts';
import { LOGIN_MANAGER, TYPE_DOCKER_CONFIG_JSON } from '../names.ts';
import { keyOfForm, named, readSourceSecret, secretName } from './source-secret.ts';
import type { SecretOptions, SourceSecret } from './source-secret.ts';

/**
 * Writes `edit(content)`. If others write the Secret meanwhile, reads it again and edits that; gives up if one of the entries under
 * `keys` is another than in `before`. Throws UserError, ApiError, LostRaceError.
 */
export async function writeSourceSecret(
  before: SourceSecret,
  {
    keys,
    edit,
    ...options
  }: SecretOptions & {
    readonly keys: readonly string[];
    readonly edit: (secret: SourceSecret) => Uint8Array;
  },
): Promise<void> {
  const { source, command, signal } = options;
  const text = ({ content, form }: SourceSecret, key: string): string | undefined => entryText(content, form, key);
  let current = before;
  for (let lost = 0; ; lost++) {
    try {
      return await write(current, edit(current), options);
    } catch (error) {
      // 404: it was deleted after it was read.
      if (!isRace(error) && !(isNotFound(error) && current.version !== undefined))
        throw named(error, current.version === undefined ? 'create' : 'patch', options);
      await beforeRerun(`${command}: Secret ${secretName(source)}: `, lost + 1, error, signal);
      const now = await readSourceSecret(options);
      // The same version: it was no race, the server refuses what is written.
      if (now.version?.resourceVersion === current.version?.resourceVersion) throw named(error, 'patch', options);
      if (before.version !== undefined && now.version === undefined)
        throw new UserError(
          `${command}: Secret ${secretName(source)} was deleted meanwhile; run it again to create one`,
        );
      const changed = keys.find((key) => text(now, key) !== text(before, key));
      if (changed !== undefined)
        throw new UserError(
          `${command}: somebody else changed registry ${quoteKey(changed)} of Secret ${secretName(source)} meanwhile; ` +
            'nothing was written. Run it again if it is still wanted',
        );
      current = now;
    }
  }
}

async function write(
  { version, form }: SourceSecret,
  content: Uint8Array,
  { client, source: { secret }, signal }: SecretOptions,
): Promise<void> {
  const { namespace, name } = secret;
  const data = { [keyOfForm(form)]: Buffer.from(content).toString('base64') };
  const call = { query: { fieldManager: LOGIN_MANAGER }, sensitive: true, signal };
  if (version !== undefined) {
    // The server refuses a patch with another uid or resourceVersion than the object has.
    await client.patch(
      paths.secrets(namespace, name),
      'application/merge-patch+json',
      { metadata: version, data },
      call,
    );
    return;
  }
  const body = { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name }, type: TYPE_DOCKER_CONFIG_JSON, data };
  await client.create(paths.secrets(namespace), body, call);
}
