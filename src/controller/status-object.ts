/** The only writer of ConfigMap `pullpass-status`. A failure is one line in the log, and stops nothing. */
import type { V1ConfigMap } from '@kubernetes/client-node';
import { messageOf } from '../errors.ts';
import { isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { paths } from '../kube/paths.ts';
import type { Log } from '../log.ts';
import { LABEL_INSTANCE, LABEL_MANAGED_BY, LABEL_ROLE, MANAGER, STATUS_NAME } from '../names.ts';
import { ownerOf } from '../owner.ts';

type Data = Readonly<Record<string, string>>;

export interface StatusObject {
  /** What a leader before has written; empty: nothing that is ours. Never throws. */
  read(signal: AbortSignal): Promise<Data>;
  /** Whether it was written. Never throws. */
  write(data: Data, signal: AbortSignal): Promise<boolean>;
}

interface StatusObjectOptions {
  client: Pick<KubeClient, 'get' | 'patch'>;
  log: Pick<Log, 'warn'>;
  /** Namespace of the controller. */
  namespace: string;
}

export function createStatusObject({ client, log, namespace }: StatusObjectOptions): StatusObject {
  const path = paths.configMaps(namespace, STATUS_NAME);
  const what = `ConfigMap ${namespace}/${STATUS_NAME}`;
  const labels = { [LABEL_MANAGED_BY]: MANAGER, [LABEL_ROLE]: 'status', [LABEL_INSTANCE]: namespace };
  /** The last line that was logged: a state that lasts is logged once. */
  let told: string | undefined;
  const warn = (line: string): void => {
    if (told !== line) log.warn(line);
    told = line;
  };

  /** undefined: there is none. Throws if it is not ours. */
  async function live(signal: AbortSignal): Promise<V1ConfigMap | undefined> {
    try {
      const found = await client.get<V1ConfigMap>(path, { signal });
      if (ownerOf({ name: STATUS_NAME, ...found.metadata }, namespace) === 'status') return found;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
    throw new Error('Pullpass did not make it, and leaves it alone; delete it to have the status in its place');
  }

  return {
    async read(signal) {
      try {
        return (await live(signal))?.data ?? {};
      } catch {
        // The first write says what is wrong.
        return {};
      }
    },
    async write(data, signal) {
      try {
        const { uid, resourceVersion } = (await live(signal))?.metadata ?? {};
        const version = uid === undefined ? {} : { uid, resourceVersion };
        await client.patch(
          path,
          'application/apply-patch+yaml',
          { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: STATUS_NAME, namespace, labels, ...version }, data },
          { query: { fieldManager: MANAGER, force: true }, signal },
        );
        told = undefined;
        return true;
      } catch (error) {
        if (!signal.aborted) warn(`${what}: the status of rotations is not written: ${messageOf(error)}`);
        return false;
      }
    },
  };
}
