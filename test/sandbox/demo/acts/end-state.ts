/** The end state, as `pullpass plan` sees it; and no output ever had a credential. */
import type { Act } from '../act.ts';
import { COPY } from '../cluster.ts';
import { expect, expectEqual } from '../expect.ts';

export const endState: Act = {
  title: 'The end state, and nothing left to do',
  async play({ cluster, controller, logins, pullpass, connection, tell }) {
    const plan = await pullpass(['plan', ...connection]);
    tell.does('pullpass plan');
    tell.quote(plan.stdout || plan.stderr);
    expectEqual(plan.code, 0, 'the exit status of pullpass plan');
    expectEqual(
      (await cluster.copies()).map(({ metadata }) => metadata?.namespace).sort(),
      ['build', 'legacy', 'shop', 'tools'],
      `namespaces with a copy called ${COPY}`,
    );

    const events = await cluster.allEvents();
    const said = [...controller.log, JSON.stringify(events), await controller.metrics(), plan.stdout, plan.stderr];
    expect(
      !said.some((text) => logins.leakedIn(text)),
      'a credential is in the log, an Event, the metrics or the plan',
    );
    tell.holds(
      `no credential in ${controller.log.length} log lines, ${events.length} Events, the metrics and the plan`,
    );
  },
};
