/** Two replicas as programs: only the one that leads says what a leader knows, before and after the lead changes. */
import { expect, test } from 'vitest';
import { configurationSchema } from '../../src/config/schema.ts';
import { parseExposition } from '../monitoring/exposition.ts';
import { CONTROLLER_NAMESPACE, configurationDocument, createCluster, eventually } from './env/cluster.ts';
import { startProgram, type Program } from './env/program.ts';
import { onEachServer } from './env/servers.ts';

const OF_A_LEADER =
  /^(pullpass_(copies|references|source|rotation_pending|proxy|credential|findings|audit_(gaps|last)|contested|removals)|workqueue_(depth|unfinished|longest))/;

/** By name: the series of what a leader knows, and whether it says that it leads. */
async function said(program: Program): Promise<{ leads: number | undefined; state: string[]; others: string[] }> {
  // A connection that is kept would be closed when its server was stopped for long, just as it is used again.
  const page = await fetch(`${await program.url()}/metrics`, { headers: { connection: 'close' } });
  const families = parseExposition(await page.text());
  const names = [...families].filter(([, { samples }]) => samples.length > 0).map(([name]) => name);
  return {
    leads: families.get('leader_election_master_status')?.samples[0]?.value,
    state: names.filter((name) => OF_A_LEADER.test(name)),
    others: names.filter((name) => !OF_A_LEADER.test(name)),
  };
}

onEachServer((server) => {
  test(
    'who stands by says nothing of it, and who was stopped and goes on after the other took over does not either',
    {
      timeout: 300_000,
    },
    async () => {
      const cluster = await createCluster(server());
      const document = { ...configurationDocument({ name: 'hub' }), schedules: { audit: '* * * * * *' } };
      await cluster.applyRbac(configurationSchema.parse(document));
      const claims = Buffer.from(JSON.stringify({ iat: 1_700_000_000, exp: 4_000_000_000 })).toString('base64url');
      await cluster.source({ namespace: CONTROLLER_NAMESPACE, name: 'hub' }, { 'registry.corp': `e30.${claims}.x` });
      await cluster.namespace('replica-metrics', { annotations: { 'pullpass.dev/sync': 'enabled' } });

      const first = await startProgram(server(), { configuration: document, identity: 'first' });
      await first.logged(/^leading$/);
      const second = await startProgram(server(), { configuration: document, identity: 'second' });
      await second.ready();
      try {
        const whole = [
          'pullpass_copies',
          'pullpass_credential_expiry_timestamp_seconds',
          'pullpass_findings',
          'pullpass_source_valid',
          'workqueue_depth',
        ];
        await eventually(async () =>
          expect(await said(first)).toMatchObject({ leads: 1, state: expect.arrayContaining(whole) as string[] }),
        );
        const follower = await said(second);
        expect(follower).toMatchObject({ leads: 0, state: [] });
        expect(follower.others).toEqual(
          expect.arrayContaining([
            'pullpass_build_info',
            'pullpass_config_last_reload_successful',
            'pullpass_missing_rights',
            'pullpass_watch_last_event_timestamp_seconds',
            'rest_client_requests_total',
          ]),
        );

        first.kill('SIGSTOP');
        await second.logged(/^leading$/, 120_000);
        await eventually(async () =>
          expect(await said(second)).toMatchObject({ leads: 1, state: expect.arrayContaining(whole) as string[] }),
        );
        first.kill('SIGCONT');
        // From its first answer on, which may come before anything told it that its term is over.
        for (let scrape = 0; scrape < 5; scrape++) expect(await said(first)).toMatchObject({ leads: 0, state: [] });
        await first.logged('leading no longer');
        const deposed = await said(first);
        expect(deposed).toMatchObject({ leads: 0, state: [] });
        // Counts go on.
        expect(deposed.others).toEqual(
          expect.arrayContaining(['pullpass_reconcile_duration_seconds', 'workqueue_adds_total']),
        );
      } finally {
        await Promise.all([first.stop(), second.stop()]);
        await cluster.close();
      }
    },
  );
});
