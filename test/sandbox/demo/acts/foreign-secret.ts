/** Pullpass does not change a Secret that it did not make, unless the owner annotates it for adoption. */
import type { Act } from '../act.ts';
import { COPY } from '../cluster.ts';
import { expectEqual } from '../expect.ts';

export const foreignSecret: Act = {
  title: "A team already has a Secret of its own by the copy's name",
  async play({ cluster, logins, tell }) {
    await cluster.namespace('legacy');
    await cluster.createSecret('legacy', COPY, logins.issue('legacy-team'));
    const before = await cluster.secret('legacy');
    await cluster.optIn('legacy');
    tell.does('kubectl annotate namespace legacy pullpass.dev/sync=enabled');
    const [event, ms] = await cluster.until(
      'a SecretNotOurs Event',
      async () => (await cluster.events('legacy', 'SecretNotOurs'))[0],
    );
    tell.holds(`a Warning Event on that Secret: ${event.reason}`, ms);
    expectEqual(
      (await cluster.secret('legacy'))?.metadata?.resourceVersion,
      before?.metadata?.resourceVersion,
      'the version of the Secret',
    );
    expectEqual(await cluster.pullSecrets('legacy'), [], 'the pull secrets in legacy');
    tell.holds('the Secret is untouched, and nothing references it');
  },
};
