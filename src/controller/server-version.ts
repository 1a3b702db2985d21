/** Whether the API server has what Pullpass needs. */
import { field } from '../config/document.ts';
import { messageOf, UserError } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Log } from '../log.ts';
import { OLDEST_KUBERNETES } from '../names.ts';
import { fit } from '../text.ts';

interface ServerVersion {
  /** Asks until there was an answer, once in each call. */
  check(): Promise<void>;
}

interface ServerVersionOptions {
  client: KubeClient;
  log: Log;
  /** Ends the process: the API server is too old. */
  halt: (why: Error) => void;
  stop: AbortSignal;
}

/** The check must not keep the controller from its work. */
const PATIENCE_MS = 5_000;
const MAX_BYTES = 64 * 1024;

export function createServerVersion({ client, log, halt, stop }: ServerVersionOptions): ServerVersion {
  let isKnown = false;
  return {
    async check() {
      if (isKnown || stop.aborted) return;
      const signal = AbortSignal.any([stop, AbortSignal.timeout(PATIENCE_MS)]);
      try {
        const { minor, name } = read(await client.get('/version', { signal, maxBytes: MAX_BYTES }));
        isKnown = true;
        log.info({ server: client.server }, `the API server runs Kubernetes ${name}`);
        if (minor < Number(OLDEST_KUBERNETES.split('.')[1]))
          halt(
            new UserError(
              `the API server ${client.server} runs Kubernetes ${name}, and Pullpass needs ${OLDEST_KUBERNETES} or newer (server-side ` +
                'apply), so it does nothing: upgrade the cluster',
            ),
          );
      } catch (error) {
        if (!stop.aborted)
          log.warn(
            `cannot check that the API server runs Kubernetes ${OLDEST_KUBERNETES} or newer, going on: ${messageOf(error)}`,
          );
      }
    },
  };
}

/** The minor version of Kubernetes 1. Providers add to it, as in `25+`. */
function read(answer: unknown): { minor: number; name: string } {
  const [major, minor, name] = ['major', 'minor', 'gitVersion'].map((key) => String(field(answer, key)));
  const number = /^(\d{1,4})(?!\d)/.exec(minor ?? '');
  if (major !== '1' || number === null) throw new Error('its answer names no version of Kubernetes 1');
  return { minor: Number(number[1]), name: fit(name ?? '', 60) };
}
