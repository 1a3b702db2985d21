/** Manual changes are corrected in place. */
import type { Act } from '../act.ts';
import { COPY, HOME, KEY } from '../cluster.ts';
import { expectEqual } from '../expect.ts';

export const drift: Act = {
  title: 'Somebody changes by hand what Pullpass keeps',
  async play({ cluster, logins, tell }) {
    const good = (await cluster.secret(HOME))?.data?.[KEY];
    const before = await cluster.secret('shop');

    await cluster.setSecret('shop', COPY, logins.issue('somebody'));
    const [mended, mendedMs] = await cluster.until('the content of the copy', async () => {
      const copy = await cluster.secret('shop');
      return copy?.data?.[KEY] === good && copy;
    });
    expectEqual(mended.metadata?.uid, before?.metadata?.uid, 'the UID of the copy');
    tell.holds('another login written into the copy: the right one is back, in place', mendedMs);

    await cluster.deleteSecret('shop');
    const [, madeMs] = await cluster.until(
      'the deleted copy',
      async () => (await cluster.secret('shop'))?.data?.[KEY] === good,
    );
    tell.holds('the copy deleted: made again', madeMs);

    await cluster.patchAccount('shop', 'default', { imagePullSecrets: [{ name: 'shop-own-secret' }] });
    const [, addedMs] = await cluster.until('the removed reference', async () =>
      (await cluster.pullSecrets('shop')).includes(COPY),
    );
    expectEqual(
      await cluster.pullSecrets('shop'),
      ['shop-own-secret', COPY],
      'the pull secrets of ServiceAccount default',
    );
    tell.holds('the reference taken out of the ServiceAccount: back', addedMs);

    await cluster.deleteAccount('build', 'deployer');
    await cluster.createAccount('build', 'deployer');
    const [, accountMs] = await cluster.until('the new ServiceAccount', async () =>
      (await cluster.pullSecrets('build', 'deployer')).includes(COPY),
    );
    tell.holds('a ServiceAccount deleted and created again: has its reference', accountMs);
  },
};
