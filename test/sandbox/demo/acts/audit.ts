/** Five things are wrong in the cluster. The audit names each and says what to do; after that is done, it finds none. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { reportSchema } from '../../../audit/report-schema.ts';
import type { Act, Stage } from '../act.ts';
import { COPY } from '../cluster.ts';
import { expect, expectEqual } from '../expect.ts';

/** What people do wrong. Two of the five are left from the acts before: an opt-in that is denied, and a Secret in the copy's way. */
const FAULTS = ['PP003', 'PP006', 'PP007', 'PP008', 'PP022'];

export const audit: Act = {
  title: 'What would break, and why: the audit',
  async play(stage) {
    const { cluster, pullpass, connection, controller, logins, tell, files } = stage;
    tell.note(
      'Five things are wrong by now: the opt-in that was denied and the Secret in the way of a copy, from ' +
        'before; a namespace "typo" whose annotation says "yes"; ServiceAccounts that name Secrets which are ' +
        'not there; and a pod that cannot pull.',
    );
    await cluster.namespace('typo', { 'pullpass.dev/sync': 'yes' });
    await cluster.createAccount('tools', 'nightly', ['deleted-long-ago']);
    await cluster.failingPod(
      'team-02',
      'web',
      'registry.example.com/team-02/web:1.4',
      'failed to resolve reference: pull access denied, 401 Unauthorized',
    );

    const { stdout, code } = await pullpass(['audit', ...connection, '--fail-on', 'error']);
    tell.does('pullpass audit --fail-on error');
    tell.quote(stdout);
    expectEqual(code, 3, 'the exit status: a pipeline can stop here');
    const findings = await faults(stage);
    expectEqual([...new Set(findings.map(({ rule }) => rule))].sort(), FAULTS, 'what the audit finds, besides notes');

    const page = path.join(path.dirname(files.config), 'report.html');
    const html = (await pullpass(['audit', ...connection, '--output', 'html'])).stdout;
    await writeFile(page, html, { mode: 0o600 });
    const { url } = await controller.logged('serving /livez');
    const served = await (await fetch(`${String(url)}/report`, { signal: stage.signal })).text();
    for (const rule of FAULTS.filter((rule) => rule !== 'PP006'))
      expect(html.includes(rule) && served.includes(rule), `${rule} is not on the page`);
    expect(![stdout, html, served].some((text) => logins.leakedIn(text)), 'a credential is in the audit');
    tell.holds('the same as a page: `audit --output html`, and /report of the controller; no credential in either');

    // Each as the audit says.
    await cluster.annotate('typo', { 'pullpass.dev/sync': null });
    for (const { rule, object } of findings)
      if (rule === 'PP006')
        await cluster.createSecret(
          object.namespace ?? '',
          object.name,
          logins.contentFor(`${object.name}.example.com`, logins.invent(object.name)),
        );
    await cluster.annotate('kube-extra', { 'pullpass.dev/sync': null });
    await cluster.annotateSecret('legacy', COPY, { 'pullpass.dev/adopt': 'true' });
    await cluster.deletePod('team-02', 'web');
    const [, ms] = await cluster.until('an audit without findings', async () => (await faults(stage)).length === 0);
    tell.holds('each mended as its line says: none of them is found any more', ms);
  },
};

/** Errors and warnings; notes are worth knowing only. */
async function faults({ pullpass, connection }: Stage) {
  const { stdout } = await pullpass(['audit', ...connection, '--output', 'json']);
  return reportSchema.parse(JSON.parse(stdout)).findings.filter(({ severity }) => severity !== 'info');
}
