/** A new ServiceAccount gets the reference at once: pods copy the list only when they are created. */
import type { Act } from '../act.ts';
import { COPY } from '../cluster.ts';
import { expectEqual } from '../expect.ts';

export const newAccount: Act = {
  title: 'A ServiceAccount comes later, in a namespace that chose all but ci-*',
  async play({ cluster, tell }) {
    await cluster.namespace('build', { 'pullpass.dev/sync': 'enabled', 'pullpass.dev/service-accounts': '*, !ci-*' });
    await cluster.until('the reference of default in build', async () =>
      (await cluster.pullSecrets('build')).includes(COPY),
    );
    await cluster.createAccount('build', 'ci-runner');
    await cluster.createAccount('build', 'deployer');
    tell.does(`kubectl annotate namespace build pullpass.dev/sync=enabled 'pullpass.dev/service-accounts=*, !ci-*'`);
    tell.does('kubectl create serviceaccount ci-runner --namespace build');
    tell.does('kubectl create serviceaccount deployer --namespace build');

    const [, ms] = await cluster.until('the reference of the new ServiceAccount', async () =>
      (await cluster.pullSecrets('build', 'deployer')).includes(COPY),
    );
    tell.holds('ServiceAccount deployer references the copy', ms);
    expectEqual(await cluster.pullSecrets('build', 'ci-runner'), [], 'the pull secrets of the excluded ServiceAccount');
    tell.holds('ServiceAccount ci-runner is excluded and has none');
  },
};
