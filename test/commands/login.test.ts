/** `pullpass login` and `logout` on an API server and a registry in memory: what the source holds afterwards is what counts. */
import type { V1Secret } from '@kubernetes/client-node';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { askedLogin } from '../../src/commands/login-input.ts';
import { loginCommand } from '../../src/cli/login.ts';
import { logoutCommand } from '../../src/cli/logout.ts';
import { configurationSchema } from '../../src/config/schema.ts';
import { UserError } from '../../src/errors.ts';
import { paths } from '../../src/kube/paths.ts';
import { parse } from 'yaml';
import { createCluster } from '../integration/env/cluster.ts';
import type { Cluster } from '../integration/env/cluster.ts';
import { startSandbox } from '../sandbox/kube-api/index.ts';
import type { Sandbox } from '../sandbox/kube-api/index.ts';
import { PROGRAM } from '../program.ts';
import { findOnPath } from '../sandbox/registry/on-path.ts';
import { startUpstream } from '../sandbox/registry/upstream.ts';
import type { Upstream } from '../sandbox/registry/upstream.ts';
import { run } from './environment.ts';
import type { Ran } from './environment.ts';

const NS = 'pullpass-system';
const SOURCE = 'upstream-registry';
const base64 = (text: string): string => Buffer.from(text).toString('base64');
/** What no output may hold. */
const PASSWORDS = ['old-Secret', 'new-Secret', 'bad-Secret', 'other-Secret'];
const auth = (password: string, user = 'robot'): { auth: string } => ({ auth: base64(`${user}:${password}`) });

let sandbox: Sandbox;
let cluster: Cluster;
let upstream: Upstream;
let registry: string;
let directory: string;
let flags: string[];
beforeAll(async () => {
  sandbox = await startSandbox();
  cluster = await createCluster(sandbox);
  await cluster.namespace(NS);
  upstream = await startUpstream();
  registry = new URL(upstream.url).host;
  directory = await mkdtemp(path.join(tmpdir(), 'pullpass-login-'));
  const files = { config: path.join(directory, 'config.yaml'), kubeconfig: path.join(directory, 'kubeconfig') };
  await writeFile(files.config, configuration());
  await writeFile(files.kubeconfig, sandbox.adminKubeconfig());
  flags = ['--config', files.config, '--kubeconfig', files.kubeconfig];
});
beforeEach(() => {
  upstream.add('robot', { password: 'new-Secret', repositories: ['*'] });
  upstream.add('bot-2', { password: 'new-Secret', repositories: ['*'] });
});
afterEach(async () => {
  sandbox.faults.clear();
  if ((await cluster.getSecret(NS, SOURCE)) !== undefined) await cluster.deleteSecret(NS, SOURCE);
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
  await cluster.close();
  await sandbox.stop();
  await upstream.stop();
});

function configuration(more = ''): string {
  return `apiVersion: pullpass.dev/v1alpha1
kind: Configuration
sources:
  - name: upstream
    secret: { namespace: ${NS}, name: ${SOURCE} }
    copyName: pull-copy
${more}
registries:
  - { host: "${registry}", plainHttp: true }
`;
}

/** As `kubectl create` makes it: a Secret that a person wrote. */
async function put(content: object | string, more: Partial<V1Secret> = {}): Promise<void> {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  const body = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': base64(text) },
    ...more,
    metadata: { namespace: NS, name: SOURCE, ...more.metadata },
  };
  await cluster.admin.create(paths.secrets(NS), body, { query: { fieldManager: 'kubectl-create' } });
}
const held = async (key = '.dockerconfigjson'): Promise<string> =>
  Buffer.from((await cluster.getSecret(NS, SOURCE))?.data?.[key] ?? '', 'base64').toString();
const auths = async (): Promise<Record<string, unknown>> =>
  (JSON.parse(await held()) as { auths: Record<string, unknown> }).auths;

type Options = Parameters<typeof run>[2];
/** An error is what `main` would print. Fails if any output holds a password, plain or in base64. */
async function pullpass(command: 'login' | 'logout', args: readonly string[], options: Options = {}): Promise<Ran> {
  let ran: Ran;
  try {
    ran = await run(command === 'login' ? loginCommand : logoutCommand, [...args, ...flags], options);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    ran = { out: '', err: error.message, status: error.exitCode, asked: [] };
  }
  const all = JSON.stringify(ran);
  for (const password of PASSWORDS)
    for (const form of [password, base64(password), base64(`robot:${password}`), base64(`bot-2:${password}`)])
      expect(all).not.toContain(form.replace(/=+$/, ''));
  return ran;
}
const login = (args: readonly string[] = [], options: Options = { input: 'new-Secret\n' }): Promise<Ran> =>
  pullpass('login', [registry, '--password-stdin', ...args], options);

describe('login', () => {
  test('changes the one entry, and says what, before it does; all others stay as they are', async () => {
    const others = { 'quay.io': { auth: 'eDp5', more: [1] }, __x: auth('other-Secret') };
    await put({ HttpHeaders: { A: 'b' }, auths: { [registry]: auth('old-Secret'), ...others }, credHelpers: {} });
    const { status, out, err } = await login();
    expect([status, err]).toEqual([0, '']);
    expect(out.split('\n')).toEqual([
      expect.stringContaining('takes the login') as string,
      `registry "${registry}": user name "robot" unchanged, password changed`,
      `Secret ${NS}/${SOURCE} (source upstream): 2 other entries stay as they are`,
      'Login stored',
      expect.stringContaining('pullpass wait --source upstream') as string,
      '',
    ]);
    expect(JSON.parse(await held())).toEqual({
      HttpHeaders: { A: 'b' },
      auths: { [registry]: auth('new-Secret'), ...others },
      credHelpers: {},
    });
  });

  test('asks at a terminal, with the user name of the entry as default', async () => {
    await put({ auths: { [registry]: auth('old-Secret') } });
    const { asked } = await pullpass('login', [registry], { answer: '', secret: 'new-Secret' });
    expect(asked).toEqual(['Username ("robot"): ', 'Password: ']);
    expect(await auths()).toEqual({ [registry]: auth('new-Secret') });
  });

  test('another user name is shown', async () => {
    await put({ auths: { [registry]: auth('old-Secret') } });
    expect((await login(['-u', 'bot-2'])).out).toContain('user name "robot" -> "bot-2", password changed');
    expect(await auths()).toEqual({ [registry]: auth('new-Secret', 'bot-2') });
  });

  test('a refused login changes nothing: status 3, and one try', async () => {
    await put({ auths: { [registry]: auth('old-Secret') } });
    const before = await cluster.getSecret(NS, SOURCE);
    const { status, err } = await login([], { input: 'bad-Secret' });
    expect(status).toBe(3);
    expect(err).toMatch(/^login: .*the login is refused.*; nothing was changed$/);
    expect(await cluster.getSecret(NS, SOURCE)).toEqual(before);
    expect(upstream.failedLogins('robot')).toBe(1);
  });

  test('a login that could not be tried is written with a warning, or not with --require-accepted', async () => {
    await put({ auths: { [registry]: auth('old-Secret') } });
    upstream.breakDown(503);
    try {
      const { status, err } = await login(['--require-accepted']);
      expect([status, err]).toEqual([1, expect.stringMatching(/not known to be accepted: .*503.*nothing was changed/)]);
      expect(await auths()).toEqual({ [registry]: auth('old-Secret') });
      expect(await login()).toMatchObject({
        status: 0,
        err: expect.stringMatching(/^warning: not known to be accepted: .*503/) as string,
      });
      expect(await auths()).toEqual({ [registry]: auth('new-Secret') });
    } finally {
      upstream.breakDown();
    }
  });

  test('the same login is no change: nothing is written', async () => {
    await put({ auths: { [registry]: auth('new-Secret') } });
    const before = await cluster.getSecret(NS, SOURCE);
    expect(await login()).toMatchObject({
      status: 0,
      out: expect.stringMatching(/nothing to change, it has this login already\n$/) as string,
    });
    expect(await cluster.getSecret(NS, SOURCE)).toEqual(before);
  });

  test('a source that does not exist is created, and that is said', async () => {
    const { out } = await login(['-u', 'robot']);
    expect(out).toContain(`Secret ${NS}/${SOURCE} (source upstream) does not exist and is created`);
    expect(await cluster.getSecret(NS, SOURCE)).toMatchObject({ type: 'kubernetes.io/dockerconfigjson' });
    expect(await auths()).toEqual({
      [registry]: { username: 'robot', password: 'new-Secret', ...auth('new-Secret') },
    });
  });

  test('a legacy source keeps its form', async () => {
    await put('', {
      type: 'kubernetes.io/dockercfg',
      data: { '.dockercfg': base64(JSON.stringify({ 'quay.io': { auth: 'eDp5' }, [registry]: auth('old-Secret') })) },
    });
    expect(await login()).toMatchObject({ status: 0 });
    expect(JSON.parse(await held('.dockercfg'))).toEqual({
      'quay.io': { auth: 'eDp5' },
      [registry]: auth('new-Secret'),
    });
  });

  test.each([
    ['docker.io', 'https://index.docker.io/v1/'],
    ['index.docker.io', 'docker.io'],
    ['hub.docker.com', 'docker.io'],
    ['hub.docker.com', undefined],
  ])('%s is the entry of Docker Hub: %s', async (name, key) => {
    const warnings: string[] = [];
    const entries = key === undefined ? [] : [{ key, username: 'robot', password: 'old-Secret' }];
    const [source] = configurationSchema.parse(parse(configuration())).sources;
    if (source === undefined) throw new Error('there is a source');
    const env = {
      readInput: () => Promise.resolve('new-Secret\r\n'),
      ask: () => Promise.resolve(undefined),
      askSecret: () => Promise.resolve(undefined),
    };
    const asked = { ...(key === undefined && { username: 'robot' }), passwordStdin: true, new: false };
    expect(await askedLogin(name, asked, { env, source, entries, warn: (line) => void warnings.push(line) })).toEqual({
      key: key ?? 'https://index.docker.io/v1/',
      username: 'robot',
      password: 'new-Secret',
    });
    expect(warnings.join()).toMatch(name === 'hub.docker.com' ? /^no kubelet uses "hub\.docker\.com"/ : /^$/);
  });

  test.each<[string[], Options, RegExp]>([
    [['--password', 'bad-Secret'], {}, /^login: a password in the arguments .* use --password-stdin$/],
    [['-pbad-Secret'], {}, /^login: a password in the arguments/],
    [['-u', 'robot'], {}, /not a terminal.* use --password-stdin$/],
    [['-u', 'ro:bot', '--password-stdin'], { input: 'bad-Secret' }, /":" in its username/],
    [['--password-stdin'], { input: 'bad-Secret' }, /no entry with a user name yet; give one with --username$/],
    [['-u', 'robot', '--password-stdin'], { input: '\n' }, /has no password/],
    [['-u', 'robot', '--password-stdin'], { input: 'bad-Secret\ufffd' }, /not UTF-8/],
    [['--source', 'nobody'], {}, /has no source "nobody"; it has: upstream$/],
  ])('%j is refused in one line', async (args, options, says) => {
    const { status, err } = await pullpass('login', [registry, ...args], options);
    expect(err).toMatch(says);
    expect(err).not.toContain('\n');
    expect(status).not.toBe(0);
    expect(await cluster.getSecret(NS, SOURCE)).toBeUndefined();
  });
});

describe('others who write the source', () => {
  test('what they change between read and write stays, and the login arrives', async () => {
    await put({ auths: { [registry]: auth('old-Secret'), 'quay.io': auth('old-Secret') } });
    const meanwhile = async (): Promise<void> => {
      await cluster.patchSecret(NS, SOURCE, {
        metadata: { labels: { team: 'a' } },
        data: {
          '.dockerconfigjson': base64(
            JSON.stringify({
              auths: { [registry]: auth('old-Secret'), 'quay.io': auth('other-Secret'), 'b.corp': {} },
            }),
          ),
        },
      });
    };
    // The other writer is a tool as far as the API server can tell: go on.
    const args = [registry, '--force', '-u', 'robot'];
    expect(await pullpass('login', args, { secret: 'new-Secret', meanwhile })).toMatchObject({ status: 0 });
    expect(await auths()).toEqual({ [registry]: auth('new-Secret'), 'quay.io': auth('other-Secret'), 'b.corp': {} });
    expect((await cluster.getSecret(NS, SOURCE))?.metadata?.labels).toEqual({ team: 'a' });
  });

  test('if they change the same entry, nothing is written', async () => {
    await put({ auths: { [registry]: auth('old-Secret') } });
    const meanwhile = async (): Promise<void> => {
      await cluster.patchSecret(NS, SOURCE, {
        data: { '.dockerconfigjson': base64(JSON.stringify({ auths: { [registry]: auth('other-Secret') } })) },
      });
    };
    const args = [registry, '--force', '-u', 'robot'];
    const { status, err } = await pullpass('login', args, { secret: 'new-Secret', meanwhile });
    expect([status, err]).toEqual([1, expect.stringMatching(/^login: somebody else changed registry /)]);
    expect(await auths()).toEqual({ [registry]: auth('other-Secret') });
  });

  test('a source that was deleted meanwhile is not made anew', async () => {
    await put({ auths: { [registry]: auth('old-Secret'), 'quay.io': auth('old-Secret') } });
    const options = { secret: 'new-Secret', meanwhile: () => cluster.deleteSecret(NS, SOURCE) };
    const { status, err } = await pullpass('login', [registry, '-u', 'robot'], options);
    expect([status, err]).toEqual([1, expect.stringMatching(/was deleted meanwhile/)]);
    expect(await cluster.getSecret(NS, SOURCE)).toBeUndefined();
  });

  test('a tool that writes it is named, and nothing is changed without --force', async () => {
    await put(
      { auths: { [registry]: auth('old-Secret') } },
      { metadata: { labels: { 'kustomize.toolkit.fluxcd.io/name': 'apps' } } },
    );
    expect(await login()).toMatchObject({
      status: 1,
      err: expect.stringMatching(/is written by Flux \("apps"\), .* or use --force$/) as string,
    });
    expect(await auths()).toEqual({ [registry]: auth('old-Secret') });
    expect(await login(['--force'])).toMatchObject({
      status: 0,
      err: expect.stringMatching(/^warning: .* Flux \("apps"\), which may undo/) as string,
    });
    expect(await auths()).toEqual({ [registry]: auth('new-Secret') });
  });

  test('a copy is never edited, not even with --force', async () => {
    await put(
      { auths: { [registry]: auth('old-Secret') } },
      { metadata: { labels: { 'pullpass.dev/source': 'of-another-installation' } } },
    );
    expect(await login(['--force'])).toMatchObject({
      status: 1,
      err: expect.stringMatching(/made by Pullpass/) as string,
    });
    expect(await auths()).toEqual({ [registry]: auth('old-Secret') });
  });

  test.each([
    ['get', /^login: you may not get Secret pullpass-system\/upstream-registry; ask for that right/],
    ['patch', /^login: you may not patch Secret pullpass-system\/upstream-registry; ask for that right/],
  ])('a missing right to %s it is one line', async (verb, says) => {
    await put({ auths: { [registry]: auth('old-Secret') } });
    const message = `secrets "x" is forbidden: User "u" cannot ${verb} resource "secrets" in API group ""`;
    sandbox.faults.add({ kind: 'status', code: 403, message, match: { verb, resource: 'secrets', name: SOURCE } });
    expect(await login()).toMatchObject({ status: 1, err: expect.stringMatching(says) as string });
    sandbox.faults.clear();
    expect(await auths()).toEqual({ [registry]: auth('old-Secret') });
  });
});

describe('login --from-docker-config', () => {
  const file = (content: object): Options => ({ input: JSON.stringify(content) });
  const from = (content: object, args: string[] = []): Promise<Ran> =>
    pullpass('login', ['--from-docker-config', '-', ...args], file(content));

  test('takes all usable logins; the others are named, in the words of other commands', async () => {
    await put({ auths: { 'quay.io': auth('old-Secret') } });
    const { status, err } = await from({
      auths: { [registry]: auth('new-Secret'), 'corp.azurecr.io': { auth: base64('0:'), identitytoken: 'T' } },
    });
    expect(status).toBe(0);
    expect(err).toMatch(/^warning: registry "corp\.azurecr\.io": has only an identity token, .*; left out\n$/);
    expect(await auths()).toMatchObject({ 'quay.io': auth('old-Secret'), [registry]: auth('new-Secret') });
    expect(Object.keys(await auths())).toHaveLength(2);
  });

  test('with a registry takes only that one', async () => {
    await put({ auths: { 'quay.io': auth('old-Secret') } });
    const content = { auths: { [registry]: auth('new-Secret'), 'quay.io': auth('bad-Secret') } };
    expect(await from(content, [registry])).toMatchObject({ status: 0 });
    expect(await auths()).toMatchObject({ 'quay.io': auth('old-Secret'), [registry]: auth('new-Secret') });
  });

  test('if one login is refused, nothing is changed', async () => {
    await put({ auths: { [registry]: auth('old-Secret') } });
    const content = { auths: { [registry]: auth('new-Secret'), [`${registry}/team`]: auth('bad-Secret') } };
    expect(await from(content)).toMatchObject({ status: 3 });
    expect(await auths()).toEqual({ [registry]: auth('old-Secret') });
  });

  test.each([
    [{ auths: { 'a.corp': {} }, credsStore: 'desktop' }, [], /names a credential store/],
    [{ auths: { 'a.corp': auth('bad-Secret') } }, ['b.corp'], /has no entry for "b\.corp"; it has "a\.corp"$/],
    [{ auths: { 'https://index.docker.io/v1/access-token': auth('bad-Secret') } }, [], /has no login$/],
    [{ auths: { 'a.corp': { username: 'x', auth: base64('y:bad-Secret') } } }, [], /"auth" holds another login/],
  ])('%j is refused', async (content, args, says) => {
    await put({ auths: {} });
    const { status, err } = await from(content, args);
    expect([status, err]).toEqual([1, expect.stringMatching(says)]);
    expect(await auths()).toEqual({});
  });
});

describe('logout', () => {
  test('removes the one entry, and says that the removal must be confirmed', async () => {
    await put({ x: 1, auths: { [registry]: auth('old-Secret'), 'quay.io': auth('other-Secret') } });
    const { status, out } = await pullpass('logout', ['https://quay.io']);
    expect(status).toBe(0);
    expect(out).toContain('registry "quay.io": entry of user name "robot" is removed\n');
    expect(out).toMatch(/until the removal is confirmed.*`pullpass plan`/);
    expect(JSON.parse(await held())).toEqual({ x: 1, auths: { [registry]: auth('old-Secret') } });
  });

  test('keeps the last entry: an empty source would be held back', async () => {
    await put({ auths: { 'quay.io': auth('old-Secret') } });
    const { status, err } = await pullpass('logout', ['quay.io']);
    expect([status, err]).toEqual([1, expect.stringMatching(/is the last entry of .* held back/)]);
    expect(await auths()).toEqual({ 'quay.io': auth('old-Secret') });
  });

  test('an entry that is not there is an error that names those that are', async () => {
    await put({ auths: { 'quay.io': auth('old-Secret'), 'a.corp': auth('old-Secret') } });
    const { status, err } = await pullpass('logout', ['b.corp']);
    expect([status, err]).toEqual([1, expect.stringMatching(/no entry for "b\.corp"; it has "quay\.io", "a\.corp"$/)]);
  });

  test('a misnamed entry can be removed by its own key', async () => {
    await put({ auths: { 'hub.docker.com': auth('old-Secret'), 'docker.io': auth('other-Secret') } });
    expect(await pullpass('logout', ['hub.docker.com'])).toMatchObject({ status: 0 });
    expect(await auths()).toEqual({ 'docker.io': auth('other-Secret') });
  });

  test('warns of a cache proxy and an alias that use the entry', async () => {
    await put({ auths: { 'quay.io': auth('old-Secret'), 'a.corp': auth('old-Secret') } });
    const config = path.join(directory, 'more.yaml');
    await writeFile(
      config,
      configuration(`    aliases: [{ host: mirror.corp/quay, from: quay.io }]
cacheProxies:
  - { name: cache, kind: zot, source: upstream, registry: quay.io, secret: { namespace: zot, name: s } }`),
    );
    const { err } = await run(logoutCommand, ['quay.io', '--config', config, ...flags.slice(2)]);
    expect(err).toBe(
      'warning: cache proxy "cache" is configured to use this entry\n' +
        'warning: alias "mirror.corp/quay" is configured to use this entry\n',
    );
  });
});

test('an annotation that says when the login before ends is pointed out', async () => {
  const told = { metadata: { annotations: { 'pullpass.dev/expires-at': '2031-01-01T00:00:00Z' } } };
  await put({ auths: { [registry]: auth('old-Secret') } }, told);
  expect((await login()).err).toContain('has the annotation pullpass.dev/expires-at, which is about the login before');
  expect((await login()).err).not.toContain('expires-at');
});

test('login says that an alias has its login from elsewhere', async () => {
  const config = path.join(directory, 'alias.yaml');
  await writeFile(config, configuration('    aliases: [{ host: mirror.corp/quay, from: quay.io }]'));
  await expect(
    run(loginCommand, ['mirror.corp/quay', '--password-stdin', '--config', config, ...flags.slice(2)], { input: 'x' }),
  ).rejects.toThrow(/"mirror\.corp\/quay" is an alias of source upstream/);
});

test('login --wait ends as wait does: not complete without a controller', async () => {
  await put({ auths: { [registry]: auth('old-Secret') } });
  await cluster.namespace('team', { annotations: { 'pullpass.dev/sync': 'enabled' } });
  const { status, err } = await login(['--wait', '--timeout', '0']);
  expect([status, err]).toEqual([1, expect.stringMatching(/not complete: do not revoke the old credential yet/)]);
  expect(await auths()).toEqual({ [registry]: auth('new-Secret') });
});

const script = findOnPath('script', 'it comes with util-linux');
if ('missing' in script) test.skip(script.missing, () => undefined);

test.skipIf('missing' in script)(
  'a terminal does not show the password that is typed',
  { timeout: 60_000 },
  async () => {
    await put({ auths: { [registry]: auth('old-Secret') } });
    const line = [process.execPath, PROGRAM, 'login', registry, ...flags].map((word) => `'${word}'`).join(' ');
    const child = spawn(
      'missing' in script ? '' : script.found,
      ['--quiet', '--return', '--command', line, '/dev/null'],
      {
        stdio: ['pipe', 'pipe', 'ignore'],
      },
    );
    let shown = '';
    let typed = 0;
    child.stdout.on('data', (data: Buffer) => {
      shown += data.toString();
      const answers: [prompt: string, answer: string][] = [
        ['Username ("robot"): ', '\r'],
        ['Password: ', 'new-Secret\r'],
      ];
      const next = answers[typed];
      if (next === undefined || !shown.includes(next[0])) return;
      typed++;
      child.stdin.write(next[1]);
    });
    const [status] = (await once(child, 'exit')) as [number];
    expect([status, shown]).toEqual([0, expect.stringContaining('Login stored')]);
    for (const part of ['new-Secret', 'ew-S', 'cret\r']) expect(shown).not.toContain(part);
    expect(await auths()).toEqual({ [registry]: auth('new-Secret') });
  },
);
