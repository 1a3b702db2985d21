/** The version guard of `pullpass login`, on every API server there is: another writer comes while the login is being tried. */
import type { V1Secret } from '@kubernetes/client-node';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { readSourceSecret } from '../../src/commands/source-secret.ts';
import { storeLogins } from '../../src/commands/store-login.ts';
import { paths } from '../../src/kube/paths.ts';
import { configuration, CONTROLLER_NAMESPACE, createCluster } from './env/cluster.ts';
import type { Cluster } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';

const config = configuration({ name: 'upstream' });
const SECRETS = paths.secrets(CONTROLLER_NAMESPACE);
const PATH = paths.secrets(CONTROLLER_NAMESPACE, 'upstream');
const LOGIN = { key: 'a.corp', username: 'robot', password: 'new' };
const NEW = { auth: Buffer.from('robot:new').toString('base64') };
const OLD = { auth: Buffer.from('robot:old').toString('base64') };
const data = (auths: object): Record<string, string> => ({
  '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64'),
});
const manifest = (auths: object): V1Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'upstream' },
  type: 'kubernetes.io/dockerconfigjson',
  data: data(auths),
});

onEachServer((server) => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await createCluster(server());
    await cluster.namespace(CONTROLLER_NAMESPACE);
  });
  beforeEach(async () => {
    if ((await cluster.getSecret(CONTROLLER_NAMESPACE, 'upstream')) !== undefined) await cluster.admin.delete(PATH);
  });
  afterAll(() => cluster.close());

  const byPerson = { query: { fieldManager: 'kubectl-edit' } };
  const write = (auths: object): Promise<unknown> =>
    cluster.admin.patch(PATH, 'application/merge-patch+json', { data: data(auths) }, byPerson);
  const make = (auths: object): Promise<unknown> => cluster.admin.create(SECRETS, manifest(auths), byPerson);
  const auths = async (): Promise<unknown> => {
    const secret = await cluster.getSecret(CONTROLLER_NAMESPACE, 'upstream');
    return (
      JSON.parse(Buffer.from(secret?.data?.['.dockerconfigjson'] ?? '', 'base64').toString()) as { auths: unknown }
    ).auths;
  };

  async function login(meanwhile: () => Promise<unknown>): Promise<string[]> {
    const [source] = config.sources;
    if (source === undefined) throw new Error('there is a source');
    const said: string[] = [];
    const signal = AbortSignal.timeout(20_000);
    const access = { client: cluster.admin, source, command: 'login', force: false, signal };
    await storeLogins(await readSourceSecret(access), [LOGIN], {
      ...access,
      configuration: config,
      namespace: CONTROLLER_NAMESPACE,
      reach: {
        async check() {
          await meanwhile();
          return { state: 'accepted', why: 'a.corp: takes the login' };
        },
      },
      requireAccepted: true,
      say: (line) => void said.push(line),
      warn: (line) => void said.push(line),
    });
    return said;
  }

  test('a change of another entry stays', async () => {
    await make({ 'a.corp': OLD, 'b.corp': OLD });
    await login(() => write({ 'a.corp': OLD, 'b.corp': NEW, 'c.corp': {} }));
    expect(await auths()).toEqual({ 'a.corp': NEW, 'b.corp': NEW, 'c.corp': {} });
  });

  test('a source that was deleted and made anew keeps what it got', async () => {
    await make({ 'a.corp': OLD });
    await login(async () => {
      await cluster.admin.delete(PATH);
      await make({ 'a.corp': OLD, 'b.corp': NEW });
    });
    expect(await auths()).toEqual({ 'a.corp': NEW, 'b.corp': NEW });
  });

  test('a source that somebody else makes meanwhile keeps what it got', async () => {
    await login(() => make({ 'b.corp': OLD }));
    expect(await auths()).toMatchObject({ 'a.corp': NEW, 'b.corp': OLD });
  });

  test('a change of the same entry wins: nothing is written', async () => {
    await make({ 'a.corp': OLD });
    const theirs = { 'a.corp': { auth: Buffer.from('robot:theirs').toString('base64') } };
    await expect(login(() => write(theirs))).rejects.toThrow(/^login: somebody else changed registry "a\.corp"/);
    expect(await auths()).toEqual(theirs);
  });

  test('the next login of another person is not refused because of this one', async () => {
    await make({ 'a.corp': OLD });
    await login(() => Promise.resolve());
    expect(await login(() => Promise.resolve())).toContainEqual(expect.stringContaining('nothing to change'));
  });
});
