/** When opaque logins end, on every API server there is: by the annotation, by `maxAge`, and by what its managedFields say. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runAudit } from '../../src/commands/audit.ts';
import { CONTROLLER_NAMESPACE, configuration, createCluster, eventually } from './env/cluster.ts';
import type { Cluster } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';

const DAY = 86_400_000;
const END = 'pullpass.dev/expires-at';
const data = (content: string): { '.dockerconfigjson': string } => ({
  '.dockerconfigjson': Buffer.from(content).toString('base64'),
});
const docker = (password: string): string => JSON.stringify({ auths: { 'r.test': { username: 'robot', password } } });

onEachServer((server) => {
  const config = configuration({ name: 'told' }, { name: 'old', maxAge: '90d' });
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await createCluster(server());
    await cluster.applyRbac(config);
    await cluster.controller(config);
  });
  afterAll(async () => cluster.close());

  const audited = async () =>
    (await runAudit({ client: cluster.admin, configuration: config, output: 'table', color: false })).report;
  const endOf = async (source: string): Promise<number> =>
    Date.parse((await audited()).sources.find(({ name }) => name === source)?.registries[0]?.expiresAt ?? 'none');
  const findings = async (): Promise<string[]> =>
    (await audited()).findings
      .filter(({ message }) => message.includes('source "told"') || message.includes('Source "told"'))
      .map(({ rule, message }) => `${rule} ${message}`);
  const annotated = (value: string | null): Promise<void> =>
    cluster.patchSecret(CONTROLLER_NAMESPACE, 'told', { metadata: { annotations: { [END]: value } } });
  const events = async (): Promise<string[]> =>
    (await cluster.events(CONTROLLER_NAMESPACE))
      .filter(({ reason }) => reason === 'InvalidAnnotation')
      .map(({ regarding, note }) => `${regarding.name}: ${note}`);
  const second = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+/, '');

  test('the annotation is the end, is found when it is over, and then does not count for the login that comes next', async () => {
    const end = Date.now() + 4_000;
    await cluster.secret(CONTROLLER_NAMESPACE, 'told', {
      type: 'kubernetes.io/dockerconfigjson',
      metadata: { annotations: { [END]: second(end) } },
      data: data(docker('one')),
    });
    await eventually(async () => expect(await endOf('told')).toBe(Date.parse(second(end))));
    await eventually(async () =>
      expect((await audited()).findings).toContainEqual(
        expect.objectContaining({
          rule: 'PP042',
          message: expect.stringMatching(
            /"r\.test" of source "told" ended on .*, as the annotation of its Secret says\./,
          ) as string,
        }),
      ),
    );
    await cluster.patchSecret(CONTROLLER_NAMESPACE, 'told', { data: data(docker('two')) });
    await eventually(async () =>
      expect(await events()).toEqual([expect.stringMatching(/^told: .* is older than the login for "r\.test"/)]),
    );
    expect(await findings()).toEqual([expect.stringMatching(/^PP084 .* is older than the login/)]);
    expect(await endOf('told')).toBeNaN();
    await annotated(second(end + DAY));
    await eventually(async () => expect(await endOf('told')).toBe(Date.parse(second(end + DAY))));
  });

  test('what is no time is an Event and a finding, and does not stop a rotation', async () => {
    await annotated('next spring');
    await eventually(async () =>
      expect(await events()).toContainEqual(expect.stringMatching(/^told: .* is not a time with its zone/)),
    );
    expect(await findings()).toEqual([expect.stringMatching(/^PP084 .*is not a time with its zone/)]);
    expect(JSON.stringify(await audited())).not.toContain('next spring');
    await annotated(null);
    await eventually(async () => expect(await findings()).toEqual([]));
  });

  test('maxAge counts from when the login was written; other writes do not make it younger', async () => {
    const before = Date.now();
    await cluster.source({ namespace: CONTROLLER_NAMESPACE, name: 'old' }, { 'r.test': 'one' });
    await eventually(async () => expect(await endOf('old')).toBeGreaterThan(before + 90 * DAY - 1_000));
    const end = await endOf('old');
    expect(end).toBeLessThanOrEqual(Date.now() + 90 * DAY);
    // managedFields have whole seconds: the next write is in another one.
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const content = Buffer.from(
      (await cluster.getSecret(CONTROLLER_NAMESPACE, 'old'))?.data?.['.dockerconfigjson'] ?? '',
      'base64',
    ).toString();
    await cluster.patchSecret(CONTROLLER_NAMESPACE, 'old', { data: data(`${content}\n`) });
    await eventually(async () => {
      const { managedFields = [] } = (await cluster.getSecret(CONTROLLER_NAMESPACE, 'old'))?.metadata ?? {};
      expect(managedFields.some(({ time }) => Date.parse(String(time)) > end - 90 * DAY)).toBe(true);
    });
    expect(await endOf('old')).toBe(end);
    await cluster.source({ namespace: CONTROLLER_NAMESPACE, name: 'old' }, { 'r.test': 'two' });
    await eventually(async () => expect(await endOf('old')).toBeGreaterThan(end));
  });
});
