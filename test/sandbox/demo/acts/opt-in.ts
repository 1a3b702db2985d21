/** A namespace opts in: the copy first, then the reference to it. */
import type { Act } from '../act.ts';
import { COPY, KEY, pullSecretsOf, HOME } from '../cluster.ts';
import { expect, expectEqual } from '../expect.ts';

export const optIn: Act = {
  title: 'A namespace opts in',
  async play({ cluster, tell }) {
    await cluster.namespace('shop');
    await cluster.patchAccount('shop', 'default', { imagePullSecrets: [{ name: 'shop-own-secret' }] });
    await cluster.optIn('shop');
    tell.does('kubectl annotate namespace shop pullpass.dev/sync=enabled');

    const [copy, copied] = await cluster.until('the copy in shop', () => cluster.secret('shop'));
    const [account, referenced] = await cluster.until('the reference in shop', async () => {
      const found = await cluster.account('shop');
      return pullSecretsOf(found).includes(COPY) && found;
    });
    const source = await cluster.secret(HOME);
    expectEqual(copy.data?.[KEY] === source?.data?.[KEY], true, 'the copy holds what the source holds');
    tell.holds(`Secret shop/${COPY} is there`, copied);
    expectEqual(pullSecretsOf(account), ['shop-own-secret', COPY], 'the pull secrets of ServiceAccount default');
    // Versions grow with every write in the cluster: the smaller one was first.
    expect(
      Number(copy.metadata?.resourceVersion) < Number(account.metadata?.resourceVersion),
      'the reference was written before the copy',
    );
    tell.holds(
      'ServiceAccount default references it, written after the copy, next to its own entry',
      copied + referenced,
    );
  },
};
