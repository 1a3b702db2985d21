/**
 * The demo in half a minute: a plain copier beside Pullpass, with one source, one registry and a pull-through cache each, and three
 * blows. Everything that a column says was measured.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Document } from 'yaml';
import { createUpstreamClient } from '../../registry/upstream-client.ts';
import type { Stage } from '../act.ts';
import { addUser, CACHE, CACHE_LOGIN, CACHES, IMAGE, playKubelet, pullNew, startCaches } from '../caches.ts';
import type { Cache, Caches } from '../caches.ts';
import { COPY, HOME, KEY } from '../cluster.ts';
import type { Cluster } from '../cluster.ts';
import { expect, expectEqual } from '../expect.ts';
import type { Login } from '../logins.ts';
import { duration } from '../narrator.ts';
import type { Scene } from '../stage.ts';
import { startCopier } from './copier.ts';
import type { Copier } from './copier.ts';

const COPIED = 'team-copier';
const KEPT = 'team-pullpass';
const TAG = 'stable';

export interface Duel extends Scene {
  play(stage: Stage): Promise<void>;
}

export async function createDuel({ cleanUp, logins }: Pick<Stage, 'cleanUp' | 'logins'>): Promise<Duel> {
  const first = logins.invent('robot-1');
  const caches = await startCaches({ cleanUp }, first);
  const { upstream, forwarded } = caches;
  upstream.putImage(IMAGE, TAG);
  return {
    content: logins.contentFor(upstream.host, first),
    async prepare(cluster: Cluster) {
      await cluster.namespace(CACHES);
      await cluster.createDeployment(CACHES, CACHE);
      await cluster.namespaces([COPIED]);
      await cluster.namespaces([KEPT], { 'pullpass.dev/sync': 'enabled' });
    },
    configure(document: Document) {
      document.set('registries', [{ host: upstream.host, plainHttp: true }]);
      document.set('cacheProxies', [
        {
          name: CACHE,
          kind: 'distribution',
          source: 'upstream',
          registry: upstream.host,
          secret: { namespace: CACHES, name: CACHE_LOGIN },
          workload: { namespace: CACHES, name: CACHE },
          probe: { url: forwarded.url, repository: IMAGE },
        },
      ]);
    },
    play: (stage) => play(stage, caches, first),
  };
}

async function play(stage: Stage, caches: Caches, first: Login): Promise<void> {
  const { cluster, logins, tell, signal } = stage;
  const { upstream, forwarded, control, name } = caches;
  const kubelet = playKubelet(stage, forwarded);
  const copier = startCopier(stage, COPIED);
  const client = createUpstreamClient(upstream.url);
  stage.cleanUp.defer(() => client.close());

  const copy = async (): Promise<string | undefined> => (await cluster.secret(KEPT))?.data?.[KEY];
  /** A pull by the team, with what its copy holds. */
  async function pulls(content: string | undefined): Promise<string> {
    const login = loginIn(content, upstream.host);
    const { type } = await client.get(IMAGE, `/v2/${IMAGE}/manifests/${TAG}`, login);
    return type;
  }
  const through = (cache: Cache): Promise<string> => pullNew(upstream, cache, signal);
  const rotate = async (file: string, content: string): Promise<void> => {
    await writeFile(path.join(path.dirname(stage.files.config), file), Buffer.from(content, 'base64'), { mode: 0o600 });
    tell.does(
      `kubectl --namespace ${HOME} create secret generic ${COPY} --type=kubernetes.io/dockerconfigjson \\\n` +
        `        --from-file=.dockerconfigjson=${file} --dry-run=client --output yaml | kubectl apply --filename -`,
    );
    await cluster.setSecret(HOME, COPY, content);
  };

  tell.holds(`a private registry, and a pull-through cache of it for each side: ${name}`);
  await waitFor(stage);
  await kubelet.settled();
  await cluster.until('the copy of the plain copier', async () => (await copier.content()) !== undefined);
  tell.sides('', 'a plain copier', 'Pullpass');
  expectEqual([await pulls(await copier.content()), await pulls(await copy())], ['found', 'found'], 'pulls');
  tell.sides('a pull by the team', '✓ works', '✓ works');
  expectEqual([await through(control), await through(forwarded)], ['200', '200'], 'pulls through the caches');
  tell.sides('a new image through the cache', '✓ 200', '✓ 200');

  tell.title('Somebody rotates the login, and mistypes the password', 1);
  await mistyped(stage, { upstream, copier, copy, pulls, rotate });

  tell.title('The right password', 2);
  const second = logins.invent('robot-2');
  addUser(upstream, second);
  const content = logins.contentFor(upstream.host, second);
  await rotate('new.json', content);
  const [[, left], [, right]] = await Promise.all([
    cluster.until('the copy of the plain copier', async () => (await copier.content()) === content),
    cluster.until('the copy of Pullpass', async () => (await copy()) === content),
  ]);
  tell.sides('the copy has it', `✓ after ${duration(left)}`, `✓ tried first, after ${duration(right)}`);
  const waitedAt = performance.now();
  const said = await waitFor(stage);
  await kubelet.settled();
  const waited = duration(performance.now() - waitedAt);
  tell.does('pullpass wait --source upstream');
  tell.sides('may the old login be revoked?', '✗ nobody can say', `✓ after ${waited} it says:`);
  tell.note(said.split('\n', 1)[0] ?? '');

  tell.title('The old login is revoked, and somebody pulls a new image through the cache', 3);
  upstream.revoke(first.username);
  const answers = [await through(control), await through(forwarded)];
  expectEqual(answers, ['404 MANIFEST_UNKNOWN', '200'], 'a new image through the caches');
  tell.sides('a new image through the cache', `✗ ${answers[0]}`, `✓ ${answers[1]}`);
  tell.note(
    'The copier does not know the cache, and nobody gave it the new login. What it holds already, it still serves.',
  );

  await audit(stage);
}

interface Blow {
  upstream: Caches['upstream'];
  copier: Copier;
  copy: () => Promise<string | undefined>;
  pulls: (content: string | undefined) => Promise<string>;
  rotate: (file: string, content: string) => Promise<void>;
}

async function mistyped(stage: Stage, { upstream, copier, copy, pulls, rotate }: Blow): Promise<void> {
  const { cluster, logins, tell } = stage;
  const before = await copy();
  // The account is there, its password is another one.
  const wrong = logins.invent('robot-2');
  const content = logins.contentFor(upstream.host, wrong);
  await rotate('mistyped.json', content);
  const [[, left], [event, right]] = await Promise.all([
    cluster.until('the copy of the plain copier', async () => (await copier.content()) === content),
    cluster.until('an Event about the refused login', async () =>
      (await cluster.events(HOME, 'SourceInvalid')).find(({ note }) => note?.includes('held back: ') === true),
    ),
  ]);
  tell.sides('what becomes of it', `✗ copied after ${duration(left)}`, `✓ tried, refused, held back`);
  const kept = await copy();
  expect(kept !== undefined && kept === before, 'the copy of Pullpass changed');
  expectEqual([await pulls(await copier.content()), await pulls(kept)], ['denied', 'found'], 'pulls by the teams');
  tell.sides('a pull by the team', '✗ 401 Unauthorized', '✓ works, with the last good login');
  tell.sides('who says so?', '✗ nobody', `✓ an Event, after ${duration(right)}:`);
  tell.note(event.note ?? '');
  const tries = upstream.failedLogins(wrong.username);
  expect(tries > 0, 'nobody tried the mistyped password');
}

async function waitFor({ connection, logins, pullpass }: Stage): Promise<string> {
  const { code, stdout, stderr } = await pullpass(['wait', ...connection, '--source', 'upstream', '--timeout', '30']);
  expect(!logins.leakedIn(stdout + stderr), 'a credential is in the output of pullpass wait');
  expectEqual(code, 0, `the exit status of pullpass wait (${stderr.trim().replaceAll('\n', '; ')})`);
  expect(stdout.startsWith('complete: the old credential can be revoked'), `pullpass wait said: ${stdout}`);
  return stdout;
}

async function audit({ cluster, connection, controller, logins, pullpass, tell }: Stage): Promise<void> {
  tell.title('And what would break next? The audit', 4);
  const { code, stdout, stderr } = await pullpass(['audit', ...connection]);
  tell.does('pullpass audit');
  tell.quote(stdout || stderr);
  expectEqual(code, 0, 'the exit status of pullpass audit');
  const events = JSON.stringify(await cluster.allEvents());
  const said = [...controller.log, events, await controller.metrics(), stdout, stderr];
  expect(!said.some((text) => logins.leakedIn(text)), 'a credential is in the log, an Event, the metrics or the audit');
  tell.holds('no credential in the log, the Events, the metrics and the audit');
}

function loginIn(content: string | undefined, host: string): Login | undefined {
  const { auths } = JSON.parse(Buffer.from(content ?? '', 'base64').toString()) as { auths: Record<string, Login> };
  return auths[host];
}
