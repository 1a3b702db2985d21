/** A tenant cannot get a copy by annotating its own namespace if the source's guard does not admit it. */
import type { Act } from '../act.ts';
import { HOME } from '../cluster.ts';
import { expectEqual } from '../expect.ts';

export const guard: Act = {
  title: 'A tenant opts in where the guard of the source says no',
  async play({ cluster, tell }) {
    await cluster.namespace('kube-extra');
    await cluster.optIn('kube-extra');
    tell.does('kubectl annotate namespace kube-extra pullpass.dev/sync=enabled');
    const [event, ms] = await cluster.until(
      'an OptInDenied Event',
      async () => (await cluster.events('kube-extra', 'OptInDenied'))[0],
    );
    tell.holds(`a Warning Event in kube-extra: ${event.reason}`, ms);
    tell.note(event.note ?? '');
    expectEqual(await cluster.secret('kube-extra'), undefined, 'the copy in kube-extra');
    expectEqual(await cluster.pullSecrets('kube-extra'), [], 'the pull secrets in kube-extra');
    tell.holds('no copy, no reference');
    // The source's own namespace is denied, too: its Secret is a source, never a copy.
    expectEqual(
      (await cluster.copies()).some(({ metadata }) => metadata?.namespace === HOME),
      false,
      `a copy in ${HOME}`,
    );
  },
};
