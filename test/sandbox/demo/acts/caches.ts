/** The problem that Pullpass solves: a cache has a login of its own, which is easily forgotten in a rotation. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import type { Act, Stage } from '../act.ts';
import { addUser, CACHE, CACHE_LOGIN, CACHES, IMAGE, playKubelet, pullNew, startCaches } from '../caches.ts';
import type { Caches } from '../caches.ts';
import { HOME, KEY } from '../cluster.ts';
import { expect, expectEqual } from '../expect.ts';

const SOURCE = 'corp';
const SECRET = 'corp-registry';
const TEAM = 'corp-team';

export const caches: Act = {
  title: 'Private images behind a pull-through cache: the login is rotated, and the old one revoked',
  async play(stage) {
    const { cluster, logins, tell, signal } = stage;
    const first = logins.invent('robot-1');
    const setUp = await startCaches(stage, first);
    const { upstream, forwarded, control, name } = setUp;
    const pull = (cache: typeof forwarded): Promise<string> => pullNew(upstream, cache, signal);
    /** The probe image, each time another: one that the cache holds already would prove nothing. */
    let releases = 0;
    const release = (): void => void upstream.putImage(IMAGE, 'probe', `release ${++releases}`);
    release();
    tell.holds(`a private registry, and two caches of it: ${name}`);
    await configure(stage, setUp);
    const kubelet = playKubelet(stage, forwarded);

    await cluster.createSecret(HOME, SECRET, logins.contentFor(upstream.host, first));
    await waitFor(stage);
    await kubelet.settled();
    expectEqual([await pull(forwarded), await pull(control)], ['200', '200'], 'pulls through the two caches');
    tell.holds('a new private image through both caches: 200');

    const second = logins.invent('robot-2');
    const content = logins.contentFor(upstream.host, second);
    addUser(upstream, second);
    release();
    const rotatedAt = performance.now();
    await cluster.setSecret(HOME, SECRET, content);
    tell.does(`kubectl apply --filename corp.yaml   # Secret ${HOME}/${SECRET}, with the new login`);
    tell.quote(await waitFor(stage));
    await kubelet.settled();
    tell.holds(
      'the login was tried at the registry, copied, forwarded, and proven by a private pull',
      performance.now() - rotatedAt,
    );
    expectEqual(
      (await cluster.secret(TEAM, SECRET))?.data?.[KEY] === content,
      true,
      `the copy in ${TEAM} holds the new login`,
    );

    upstream.revoke(first.username);
    tell.does('revoke the old login at the registry');
    expectEqual(await pull(forwarded), '200', 'a pull through the cache that Pullpass forwards to');
    tell.holds('a new private image through the cache that Pullpass cares for: 200');
    expectEqual(await pull(control), '404 MANIFEST_UNKNOWN', 'a pull through the cache that nobody forwards to');
    tell.holds('and through the other, which nobody gave the new login: 404 MANIFEST_UNKNOWN');

    await refuse(stage, setUp, () => pull(forwarded));
    release();
    await mend(stage, content);
  },
};

/** Adds the source and the cache to the configuration of the running controller; the rights first. */
async function configure(
  { cluster, controller, files, pullpass, tell }: Stage,
  { upstream, forwarded }: Caches,
): Promise<void> {
  await cluster.namespace(CACHES);
  await cluster.namespace(TEAM, { 'pullpass.dev/sync': 'enabled', 'pullpass.dev/sources': SOURCE });
  await cluster.createDeployment(CACHES, CACHE);
  const document = parseDocument(await readFile(files.config, 'utf8'));
  document.addIn(['sources'], {
    name: SOURCE,
    secret: { namespace: HOME, name: SECRET },
    copyName: SECRET,
    namespaces: { allow: [TEAM] },
    verify: 'auto',
  });
  document.set('registries', [{ host: upstream.host, plainHttp: true }]);
  document.set('cacheProxies', [
    {
      name: CACHE,
      kind: 'distribution',
      source: SOURCE,
      registry: upstream.host,
      secret: { namespace: CACHES, name: CACHE_LOGIN },
      workload: { namespace: CACHES, name: CACHE },
      probe: { url: forwarded.url, repository: IMAGE, reference: 'probe' },
    },
  ]);
  // In one step, as a ConfigMap arrives: half a file would be refused.
  await writeFile(`${files.config}.next`, document.toString(), { mode: 0o600 });
  const rbac = await pullpass(['rbac', '--config', `${files.config}.next`]);
  expectEqual(rbac.code, 0, 'the exit status of pullpass rbac');
  await cluster.apply(rbac.stdout);
  const lines = controller.log.length;
  await rename(`${files.config}.next`, files.config);
  const startedAt = performance.now();
  tell.does(
    'pullpass rbac | kubectl apply --filename -   # with a source and a cache proxy added to the configuration',
  );
  await controller.logged('configuration reloaded', lines);
  tell.holds('the controller has taken over the new configuration, without a restart', performance.now() - startedAt);
}

/** `pullpass wait`; gives what it says in the end. */
async function waitFor({ connection, logins, pullpass, tell }: Stage): Promise<string> {
  const { code, stdout, stderr } = await pullpass(['wait', ...connection, '--source', SOURCE, '--timeout', '30']);
  tell.does(`pullpass wait --source ${SOURCE}`);
  expect(!logins.leakedIn(stdout + stderr), 'a credential is in the output of pullpass wait');
  expectEqual(code, 0, `the exit status of pullpass wait (${stderr.trim().replaceAll('\n', '; ')})`);
  expect(
    stdout.startsWith(
      'complete: the old credential can be revoked, everywhere Pullpass manages (1/1 copies, 1/1 cache proxies settled, 1 proven)',
    ),
    `pullpass wait said: ${stdout}`,
  );
  return stdout;
}

/** A login that the registry does not take goes nowhere. */
async function refuse(
  { cluster, connection, logins, pullpass, tell }: Stage,
  { upstream }: Caches,
  pull: () => Promise<string>,
): Promise<void> {
  const before = (await cluster.secret(TEAM, SECRET))?.metadata?.resourceVersion;
  const rendered = (await cluster.secret(CACHES, CACHE_LOGIN))?.metadata?.resourceVersion;
  const mistyped = logins.invent('robot-3');
  await cluster.setSecret(HOME, SECRET, logins.contentFor(upstream.host, mistyped));
  tell.does('kubectl apply --filename corp.yaml   # with a mistyped password');
  const [event, ms] = await cluster.until('a SourceInvalid Event about the refused login', async () =>
    (await cluster.events(HOME, 'SourceInvalid')).find(
      ({ regarding, note }) => regarding?.name === SECRET && note?.includes('held back: ') === true,
    ),
  );
  tell.holds('tried at the registry, refused, held back. A Warning Event says so', ms);
  tell.note(event.note ?? '');

  const { code, stdout, stderr } = await pullpass(['wait', ...connection, '--source', SOURCE, '--timeout', '0']);
  tell.does(`pullpass wait --source ${SOURCE} --timeout 0`);
  tell.quote(stderr.slice(stderr.indexOf('not complete')));
  expectEqual(code, 1, 'the exit status of pullpass wait');
  expect(
    stderr.includes('do not revoke the old credential yet') && !logins.leakedIn(stdout + stderr),
    `pullpass wait said: ${logins.redact(stderr)}`,
  );
  expectEqual((await cluster.secret(TEAM, SECRET))?.metadata?.resourceVersion, before, 'the version of the copy');
  expectEqual(
    (await cluster.secret(CACHES, CACHE_LOGIN))?.metadata?.resourceVersion,
    rendered,
    "the version of the cache's Secret",
  );
  expectEqual(await pull(), '200', 'a pull through the cache');
  const tries = upstream.failedLogins(mistyped.username);
  expect(tries > 0 && tries <= 2, `the refused login was tried ${tries} times`);
  tell.holds(
    `nothing changed, and pulls go on: 200. The registry saw ${tries === 1 ? 'one failed login' : `${tries} failed logins`}`,
  );
}

/** The good login again, and every login and cache looked at by `pullpass verify`. */
async function mend(
  { cluster, connection, controller, logins, pullpass, tell }: Stage,
  content: string,
): Promise<void> {
  const lines = controller.log.length;
  await cluster.setSecret(HOME, SECRET, content);
  await controller.logged('source is good again', lines);
  const { code, stdout, stderr } = await pullpass(['verify', ...connection]);
  tell.does('pullpass verify');
  tell.quote(stdout || stderr);
  expectEqual(code, 0, 'the exit status of pullpass verify');
  expect(
    /credential +corp .* accepted/.test(stdout) && /cache proxy +corp +corp-cache +verified/.test(stdout),
    'pullpass verify does not find the login accepted and the cache verified',
  );
  expect(!logins.leakedIn(stdout + stderr), 'a credential is in the output of pullpass verify');
  const kept = Object.values((await cluster.secret(HOME, 'pullpass-state'))?.data ?? {}).map((value) =>
    Buffer.from(value, 'base64').toString(),
  );
  expect(
    kept.length > 0 && !logins.leakedIn(kept.join('\n')),
    'a credential is in the state that the controller keeps',
  );
  tell.holds("no credential in what these commands print, nor in the controller's own state");
}
