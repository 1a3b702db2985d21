/** Opting out removes exactly what opting in added. */
import type { V1ServiceAccount } from '@kubernetes/client-node';
import type { Act } from '../act.ts';
import { COPY, pullSecretsOf } from '../cluster.ts';
import { expect, expectEqual } from '../expect.ts';
import { TEAMS } from './rotation.ts';

export const optOut: Act = {
  title: 'Namespaces opt out again',
  async play({ cluster, tell }) {
    await cluster.namespace('guest');
    await cluster.createAccount('guest', 'worker', ['guest-own-secret']);
    const before = await cluster.account('guest', 'worker');
    await cluster.annotate('guest', { 'pullpass.dev/sync': 'enabled', 'pullpass.dev/service-accounts': 'worker' });
    await cluster.until('the reference in guest', async () =>
      (await cluster.pullSecrets('guest', 'worker')).includes(COPY),
    );
    const deletion = await new Promise<{ version: Promise<number> }>((opened) => {
      const version = cluster.deletion('guest', () => opened({ version }));
    });
    await cluster.optOut('guest');
    tell.does('kubectl annotate namespace guest pullpass.dev/sync-');
    const [, ms] = await cluster.until(
      'the end of the copy in guest',
      async () => (await cluster.secret('guest')) === undefined,
    );
    const after = await cluster.account('guest', 'worker');
    expect(
      Number(after?.metadata?.resourceVersion) < (await deletion.version),
      'the copy was deleted before the reference to it',
    );
    tell.holds('first the reference is gone, then the copy', ms);
    expectEqual(comparable(after), comparable(before), 'the ServiceAccount');
    tell.holds('the ServiceAccount is, field by field, what it was before');

    const startedAt = performance.now();
    await Promise.all(TEAMS.map(cluster.optOut));
    await cluster.until(
      'the end of the copies of the teams',
      async () => !(await cluster.copies()).some(({ metadata }) => TEAMS.includes(metadata?.namespace ?? '')),
    );
    tell.holds(`${TEAMS[0]} to ${TEAMS.at(-1)} opt out at once: every copy is gone`, performance.now() - startedAt);
    const left = (await cluster.accounts()).filter(
      (account) =>
        TEAMS.includes(account.metadata?.namespace ?? '') &&
        (pullSecretsOf(account).includes(COPY) || account.metadata?.annotations !== undefined),
    );
    expectEqual(
      left.map(({ metadata }) => metadata?.namespace),
      [],
      'ServiceAccounts of the teams with something left on them',
    );
    tell.holds('and so is every reference, with the record that Pullpass kept of it');
  },
};

/** What people see of a ServiceAccount: without the server's own book-keeping. */
function comparable(account: V1ServiceAccount | undefined): unknown {
  const { resourceVersion: _version, managedFields: _fields, ...metadata } = account?.metadata ?? {};
  return { ...account, metadata };
}
