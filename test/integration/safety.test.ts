/**
 * No bad login is spread: what people really put into a source, at registries that really say no, with the commands as people
 * run them. Every test begins with a source that is good everywhere.
 */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { configurationSchema } from '../../src/config/schema.ts';
import type { Configuration } from '../../src/config/schema.ts';
import { PROGRAM } from '../program.ts';
import { startUpstream } from '../sandbox/registry/upstream.ts';
import type { Upstream } from '../sandbox/registry/upstream.ts';
import { CONTROLLER_NAMESPACE, createCluster, eventually } from './env/cluster.ts';
import type { Cluster, Controller } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const CASES = path.resolve(ROOT, '../shared/cases');
const base64 = (text: string): string => Buffer.from(text).toString('base64');
type Entry = Record<string, string>;
const entry = (password: string, username = 'robot'): Entry => ({
  username,
  password,
  auth: base64(`${username}:${password}`),
});

/** The one entry of a case; undefined where the cases are not there. */
function caseEntry(name: string): Entry | undefined {
  const file = path.join(CASES, name);
  if (!existsSync(file)) return undefined;
  return Object.values((JSON.parse(readFileSync(file, 'utf8')) as { auths: Record<string, Entry> }).auths)[0];
}

onEachServer((server) => {
  let cluster: Cluster;
  let controller: Controller;
  let a: Upstream;
  let b: Upstream;
  let config: Configuration;
  let files: { config: string; kubeconfig: string };
  let round = 0;
  let good = '';

  const parse = (verify: 'auto' | 'enforce'): Configuration =>
    configurationSchema.parse({
      apiVersion: 'pullpass.dev/v1alpha1',
      kind: 'Configuration',
      sources: [
        { name: 'hub', secret: { namespace: CONTROLLER_NAMESPACE, name: 'hub' }, copyName: 'hub-copy', verify },
      ],
      registries: [
        { host: a.host, plainHttp: true },
        { host: b.host, plainHttp: true },
      ],
    });

  beforeAll(async () => {
    [a, b] = await Promise.all([startUpstream({ lockAfter: 5 }), startUpstream({ lockAfter: 5 })]);
    cluster = await createCluster(server());
    config = parse('auto');
    const directory = await mkdtemp(path.join(tmpdir(), 'pullpass-safety-'));
    files = { config: path.join(directory, 'config.yaml'), kubeconfig: path.join(directory, 'kubeconfig') };
    await writeFile(files.config, stringify(config));
    await writeFile(files.kubeconfig, server().adminKubeconfig());
    await cluster.applyRbac(config);
    await cluster.namespace('team', { annotations: { 'pullpass.dev/sync': 'enabled' } });
  });
  afterAll(async () => {
    await cluster.close();
    await Promise.all([a.stop(), b.stop()]);
  });

  beforeEach(async () => {
    good = `good-${++round}`;
    for (const upstream of [a, b]) upstream.add('robot', { password: good, repositories: ['corp/*'] });
    if (round > 1) {
      await controller.stop();
      await cluster.deleteSecret(CONTROLLER_NAMESPACE, 'pullpass-state');
    }
    await put({ [a.host]: entry(good), [b.host]: entry(good) });
    controller = await cluster.controller(config);
    await eventually(async () =>
      expect(await logins()).toEqual({ [a.host]: `robot:${good}`, [b.host]: `robot:${good}` }),
    );
  }, 60_000);

  async function put(
    auths: Record<string, Entry>,
    more: object = {},
    annotations: Record<string, string | null> = { 'pullpass.dev/confirm-removal': null },
  ): Promise<void> {
    const data = { '.dockerconfigjson': base64(JSON.stringify({ auths, ...more })) };
    if ((await cluster.getSecret(CONTROLLER_NAMESPACE, 'hub')) === undefined)
      await cluster.secret(CONTROLLER_NAMESPACE, 'hub', { type: 'kubernetes.io/dockerconfigjson', data });
    else await cluster.patchSecret(CONTROLLER_NAMESPACE, 'hub', { data, metadata: { annotations } });
  }
  /** What kubelets read from the copy: `user:password` by registry. */
  async function logins(namespace = 'team'): Promise<Record<string, string> | undefined> {
    const content = (await cluster.getSecret(namespace, 'hub-copy'))?.data?.['.dockerconfigjson'];
    if (content === undefined) return undefined;
    const { auths } = JSON.parse(Buffer.from(content, 'base64').toString()) as { auths: Record<string, Entry> };
    return Object.fromEntries(
      Object.entries(auths).map(([key, { auth = '' }]) => [key, Buffer.from(auth, 'base64').toString()]),
    );
  }
  const notes = async (): Promise<string> =>
    (await cluster.events(CONTROLLER_NAMESPACE))
      .filter(({ reason }) => reason === 'SourceInvalid')
      .map(({ note }) => note)
      .join('\n');
  const pullpass = (...args: string[]): Promise<{ code: number; text: string }> =>
    new Promise((resolve) => {
      execFile(
        process.execPath,
        [PROGRAM, args[0] ?? '', '--config', files.config, '--kubeconfig', files.kubeconfig, ...args.slice(1)],
        (error, stdout, stderr) =>
          resolve({
            code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1,
            text: stdout + stderr,
          }),
      );
    });
  const wait = (): Promise<{ code: number; text: string }> => pullpass('wait', '--source', 'hub', '--timeout', '0');
  /** It was held back, and an Event tells why; the copies are as they were but for `changed`. With `waits`, `pullpass wait` says the same. */
  async function isHeldBack(
    why: RegExp,
    { changed = {}, waits = false }: { changed?: Record<string, string>; waits?: boolean } = {},
  ): Promise<void> {
    const expected = { [a.host]: `robot:${good}`, [b.host]: `robot:${good}`, ...changed };
    if (Object.keys(changed).length > 0) await eventually(async () => expect(await logins()).toEqual(expected));
    await delay(500);
    expect(await logins()).toEqual(expected);
    await eventually(async () => expect(await notes()).toMatch(why));
    expect(await logins()).toEqual(expected);
    if (!waits) return;
    const { code, text } = await wait();
    expect(text).toMatch(/^not complete: do not revoke the old credential yet/m);
    expect([code, text]).toEqual([1, expect.stringMatching(why)]);
  }

  describe.each(['auto', 'enforce'] as const)(
    'with verify: %s, what has no usable login replaces nothing:',
    (verify) => {
      beforeAll(async () => {
        config = parse(verify);
        await writeFile(files.config, stringify(config));
      });

      test('an identity token that the registry takes, beside an empty password', async (context) => {
        const given = caseEntry('identity-token.json');
        if (given === undefined) return context.skip('../shared/cases is not there');
        await put({ [a.host]: { ...given, identitytoken: a.identityToken('robot') }, [b.host]: entry(good) });
        await isHeldBack(/only an identity token, which kubelets ignore/, { waits: verify === 'auto' });
      });

      test('an entry whose login is in a credential store', async (context) => {
        const given = caseEntry('credential-store.json');
        if (given === undefined) return context.skip('../shared/cases is not there');
        await put({ [a.host]: given, [b.host]: entry(good) }, { credsStore: 'desktop' });
        await isHeldBack(
          /names a credential store or helper, which kubelets cannot ask; create the Secret with kubectl create secret docker-registry/,
          { waits: verify === 'auto' },
        );
      });

      test('`auth` and `password` that differ, both of which the registry takes', async (context) => {
        const given = caseEntry('auth-and-password-differ.json');
        if (given === undefined) return context.skip('../shared/cases is not there');
        a.add('robot', { password: 'OLD-secret', repositories: ['corp/*'] });
        await put({ [a.host]: given, [b.host]: entry(good) });
        await isHeldBack(/"auth" holds another login than "username" and "password"/, { waits: verify === 'auto' });
      });

      if (verify === 'auto')
        test.each<[string, Entry, RegExp]>([
          ['an empty password', { username: 'robot', password: '' }, /has no password; add one/],
          ['no login at all', { email: 'x' }, /has neither username nor password/],
          [
            'bytes that are no text',
            { auth: Buffer.from('robot:\xff\xfe', 'latin1').toString('base64') },
            /its login is not UTF-8/,
          ],
        ])('%s', async (_, given, why) => {
          await put({ [a.host]: given, [b.host]: entry(good) });
          await isHeldBack(why);
        });

      if (verify === 'auto')
        test('and the others go on, and it is said which old login may be revoked', async () => {
          b.add('second', { password: 'pw-of-second', repositories: ['corp/*'] });
          await put({ [a.host]: {}, [b.host]: entry('pw-of-second', 'second') });
          await isHeldBack(/has neither username nor password/, { changed: { [b.host]: 'second:pw-of-second' } });
          expect((await wait()).text).toContain(
            `The old logins of "${b.host}" can be revoked: their new ones are everywhere. Keep those of "${a.host}".`,
          );
        });
    },
  );

  test('a registry that vanishes is kept, with who would miss it; a word that is bound to this content lets it go, and is good once', async () => {
    await cluster.admin.create('/api/v1/namespaces/team/pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web' },
      spec: { containers: [{ name: 'app', image: `${b.host}/corp/app:1` }], imagePullSecrets: [{ name: 'hub-copy' }] },
    });
    await put({ [a.host]: entry(good) });
    await isHeldBack(new RegExp(`registry "${b.host}" is gone from the source; the last good login stays in force`), {
      waits: true,
    });
    const { text, code } = await pullpass('plan');
    expect(text).toMatch(
      /for 1 pod \(team\/web\) and 1 copy\. If it shall go: kubectl --namespace pullpass-system annotate secret hub --overwrite pullpass\.dev\/confirm-removal=[0-9a-f]{12}/,
    );
    expect(code).toBe(0);
    const word = /confirm-removal=([0-9a-f]{12})/.exec(await notes())?.[1] ?? '';
    expect(text).toContain(word);

    // Bound to this content: with another one it lets nothing go.
    a.add('second', { password: 'pw-of-second', repositories: ['corp/*'] });
    await put({ [a.host]: entry('pw-of-second', 'second') }, {}, { 'pullpass.dev/confirm-removal': word });
    await eventually(async () =>
      expect(await logins()).toEqual({ [a.host]: 'second:pw-of-second', [b.host]: `robot:${good}` }),
    );
    await put({ [a.host]: entry(good) }, {}, { 'pullpass.dev/confirm-removal': word });
    await eventually(async () => expect(await logins()).toEqual({ [a.host]: `robot:${good}` }));
    expect((await wait()).code).toBe(0);

    // The annotation stands, and lets nothing go any more.
    await put({ [a.host]: entry(good), [b.host]: entry(good) }, {}, { 'pullpass.dev/confirm-removal': word });
    await eventually(async () =>
      expect(await logins()).toEqual({ [a.host]: `robot:${good}`, [b.host]: `robot:${good}` }),
    );
    await put({ [a.host]: entry(good) }, {}, { 'pullpass.dev/confirm-removal': word });
    await delay(500);
    expect(await logins()).toEqual({ [a.host]: `robot:${good}`, [b.host]: `robot:${good}` });
    await cluster.admin.delete('/api/v1/namespaces/team/pods/web');
  });

  test('a dead entry that did not change holds no other back; a changed one that is refused keeps its own last good login', async () => {
    b.revoke('robot');
    a.add('second', { password: 'pw-of-second', repositories: ['corp/*'] });
    await put({ [a.host]: entry('pw-of-second', 'second'), [b.host]: entry(good) });
    await eventually(async () =>
      expect(await logins()).toEqual({ [a.host]: 'second:pw-of-second', [b.host]: `robot:${good}` }),
    );
    expect((await wait()).code).toBe(0);
    a.add('third', { password: 'pw-of-third', repositories: ['corp/*'] });
    await put({ [a.host]: entry('pw-of-third', 'third'), [b.host]: entry('mistyped') });
    await isHeldBack(/the login is refused/, { changed: { [a.host]: 'third:pw-of-third' } });
  });

  test('one mistyped login under six keys is one try, by the controller and by verify, and the account is not locked', async () => {
    await put({
      ...Object.fromEntries(
        ['a', 'b', 'c', 'd', 'e', 'f'].map((each) => [`${a.host}/corp/${each}`, entry('mistyped')]),
      ),
      [a.host]: entry(good),
      [b.host]: entry(good),
    });
    await eventually(async () =>
      expect(await notes()).toMatch(
        /corp\/e" and 1 more: held back: .*the login is refused.*They are left out until then/,
      ),
    );
    expect((await pullpass('verify')).code).toBe(3);
    expect(a.failedLogins('robot')).toBeLessThanOrEqual(2);
    expect(a.isLocked('robot')).toBe(false);
    expect(await logins()).toEqual({ [a.host]: `robot:${good}`, [b.host]: `robot:${good}` });
  });

  test('during a restart with a bad source a new namespace still gets the last good content, and a registry that vanished meanwhile stays', async () => {
    await controller.stop();
    await put({ [a.host]: entry('mistyped') });
    controller = await cluster.controller(config);
    await cluster.namespace(`new-${round}`, { annotations: { 'pullpass.dev/sync': 'enabled' } });
    await eventually(async () =>
      expect(await logins(`new-${round}`)).toEqual({ [a.host]: `robot:${good}`, [b.host]: `robot:${good}` }),
    );
    await isHeldBack(/is gone from the source/);
    await controller.stop();
    await cluster.deleteSecret(CONTROLLER_NAMESPACE, 'hub');
    controller = await cluster.controller(config);
    await cluster.namespace(`newer-${round}`, { annotations: { 'pullpass.dev/sync': 'enabled' } });
    await eventually(async () =>
      expect(await logins(`newer-${round}`)).toEqual({ [a.host]: `robot:${good}`, [b.host]: `robot:${good}` }),
    );
  });

  test('copies carry `auth` for every login, and nothing that says it in another way', async () => {
    await put(
      {
        [a.host]: { username: 'robot', password: good, identitytoken: 'a-refresh-token' },
        [b.host]: { auth: base64(`robot:${good}`) },
      },
      { credHelpers: { x: 'y' } },
    );
    await delay(300);
    const content = Buffer.from(
      (await cluster.getSecret('team', 'hub-copy'))?.data?.['.dockerconfigjson'] ?? '',
      'base64',
    ).toString();
    expect(JSON.parse(content)).toEqual({ auths: { [a.host]: entry(good), [b.host]: entry(good) } });
  });
});
