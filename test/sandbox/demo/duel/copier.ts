/** The other side: a plain copier. It does what tools that copy pull Secrets do: as it is, at once, and everywhere. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Stage } from '../act.ts';
import { COPY, HOME, KEY, pullSecretsOf } from '../cluster.ts';

/** Of its copy and the reference to it. */
const NAME = 'registry-login';
/** A real one watches, or looks every few seconds or minutes: none is quicker. */
const EVERY_MS = 20;

export interface Copier {
  /** Content of its copy, in base64. */
  content(): Promise<string | undefined>;
}

export function startCopier(
  { cluster, cleanUp, signal }: Pick<Stage, 'cluster' | 'cleanUp' | 'signal'>,
  namespace: string,
): Copier {
  const stopping = new AbortController();
  const until = AbortSignal.any([stopping.signal, signal]);

  async function copy(): Promise<void> {
    for (let last: string | undefined; !until.aborted; await delay(EVERY_MS, undefined, { signal: until })) {
      const content = (await cluster.secret(HOME, COPY))?.data?.[KEY];
      if (content === undefined || content === last) continue;
      if ((await cluster.secret(namespace, NAME)) === undefined) await cluster.createSecret(namespace, NAME, content);
      else await cluster.setSecret(namespace, NAME, content);
      const names = pullSecretsOf(await cluster.account(namespace));
      if (!names.includes(NAME))
        await cluster.patchAccount(namespace, 'default', {
          imagePullSecrets: [...names, NAME].map((name) => ({ name })),
        });
      last = content;
    }
  }
  let failure: unknown;
  const copying = copy().catch((error: unknown) => {
    if (!until.aborted) failure = error;
  });
  cleanUp.defer(async () => {
    stopping.abort();
    await copying;
  });
  return {
    async content() {
      if (failure !== undefined) throw new Error('the plain copier failed', { cause: failure });
      return (await cluster.secret(namespace, NAME))?.data?.[KEY];
    },
  };
}
