/** `wait --scan`: where else the logins of a source's users are. */
import { describe, expect, test } from 'vitest';
import { scanElsewhere } from '../../src/commands/wait-scan.ts';
import { configurationSchema } from '../../src/config/schema.ts';
import { UnreachableError } from '../../src/kube/api-error.ts';
import { refusal, scriptedClient } from '../kube/scripted-client.ts';
import { base64 } from '../sources/worlds.ts';

const JSON_TYPE = 'kubernetes.io/dockerconfigjson';
const CFG_TYPE = 'kubernetes.io/dockercfg';
const HUB = 'https://index.docker.io/v1/';

const configuration = configurationSchema.parse({
  apiVersion: 'pullpass.dev/v1alpha1',
  kind: 'Configuration',
  sources: [
    {
      name: 'hub',
      secret: { namespace: 'pullpass-system', name: 'hub' },
      copyName: 'hub-copy',
      aliases: [{ host: 'mirror.corp', login: { secret: 'mirror' } }],
    },
    { name: 'other', secret: { namespace: 'pullpass-system', name: 'other' }, copyName: 'other-copy' },
  ],
  retiredCopyNames: ['retired'],
});

type Logins = Readonly<Record<string, string>>;
const authsOf = (logins: Logins) =>
  Object.fromEntries(
    Object.entries(logins).map(([key, login]) => {
      const [username, password] = login.split(':');
      return [key, { username, password }];
    }),
  );

function secret(at: string, logins: Logins, labels: Logins = {}, type = JSON_TYPE) {
  const [namespace, name] = at.split('/');
  const content = type === CFG_TYPE ? authsOf(logins) : { auths: authsOf(logins) };
  const key = type === CFG_TYPE ? '.dockercfg' : '.dockerconfigjson';
  return {
    metadata: { namespace, name, uid: at, resourceVersion: '1', labels },
    type,
    data: { [key]: base64(JSON.stringify(content)) },
  };
}

const SOURCE = secret('pullpass-system/hub', { [HUB]: 'robot:new-pw', '*.registry.corp': 'globbed:glob-pw' });
const MIRROR = {
  metadata: { namespace: 'pullpass-system', name: 'mirror', uid: 'm', resourceVersion: '1' },
  type: 'kubernetes.io/basic-auth',
  data: { username: base64('puller'), password: base64('mirror-pw') },
};

async function scan(secrets: readonly ReturnType<typeof secret>[], answer?: (path: string) => void, source = 'hub') {
  const { client, calls } = scriptedClient(({ path, query }) => {
    answer?.(path);
    if (path.endsWith('/secrets/hub')) return SOURCE;
    if (path.endsWith('/secrets/mirror')) return MIRROR;
    if (path !== '/api/v1/secrets') throw new Error(`asked for ${path}`);
    const of = secrets.filter(({ type }) => query['fieldSelector'] === `type=${type}`);
    return { metadata: {}, items: of };
  });
  const text = await scanElsewhere({ client, configuration, source, instance: 'pullpass-system' });
  expect(calls.every(({ verb }) => verb === 'get')).toBe(true);
  expect(text).not.toMatch(/new-pw|old-pw|glob-pw|mirror-pw/);
  return text;
}

describe('of other pull Secrets it lists', () => {
  test('those with the same host and user, the old logins first; of both types, and under any name of Docker Hub', async () => {
    expect(
      await scan([
        secret('team-b/regcred', { 'docker.io': 'robot:new-pw' }),
        secret('team-c/legacy', { [HUB]: 'robot:old-pw' }, {}, CFG_TYPE),
        secret('team-a/regcred', { 'index.docker.io': 'robot:old-pw', 'quay.io': 'robot:old-pw' }),
        secret('team-d/theirs', { [HUB]: 'somebody:old-pw' }),
      ]),
    ).toBe(
      [
        'scan: Pullpass does not manage these Secrets, and no rotation reaches them: 3 entries with a user of source "hub", 2 of which have another login:',
        '  team-a/regcred: "index.docker.io", user "robot": another login, maybe the old one',
        '  team-c/legacy: "https://index.docker.io/v1/", user "robot": another login, maybe the old one',
        '  team-b/regcred: "docker.io", user "robot": the login that the source has now',
        '',
      ].join('\n'),
    );
  });

  test('those with the login of an alias, or below a pattern of the source', async () => {
    const text = await scan([
      secret('team-a/mirror', { 'mirror.corp': 'puller:old-pw' }),
      secret('team-b/glob', { 'a.registry.corp': 'globbed:glob-pw', 'a.b.registry.corp': 'globbed:glob-pw' }),
    ]);
    expect(text.split('\n').slice(1)).toEqual([
      '  team-a/mirror: "mirror.corp", user "puller": another login, maybe the old one',
      '  team-b/glob: "a.registry.corp", user "globbed": the login that the source has now',
      '',
    ]);
  });

  test('not the source, its copies, and what is rendered for a cache proxy; but a copy that a dropped source left', async () => {
    const login = { [HUB]: 'robot:old-pw' };
    const copyOf = (source: string): Logins => ({ 'pullpass.dev/source': source });
    const text = await scan([
      secret('pullpass-system/hub', login),
      secret('team-a/hub-copy', login, copyOf('hub')),
      secret('team-a/retired', login, copyOf('gone')),
      secret('cache/login', login, { 'pullpass.dev/cache-proxy': 'cache' }),
      secret('team-b/hub-copy', login),
      secret('team-c/left', login, copyOf('gone')),
      secret('team-d/hub-copy', login, { ...copyOf('hub'), 'pullpass.dev/instance': 'team-tools' }),
    ]);
    expect(text.split('\n').slice(1)).toEqual([
      '  team-b/hub-copy: "https://index.docker.io/v1/", user "robot": another login, maybe the old one',
      '  team-c/left: "https://index.docker.io/v1/", user "robot": another login, maybe the old one; it is a copy that a renamed or dropped source left',
      '  team-d/hub-copy: "https://index.docker.io/v1/", user "robot": another login, maybe the old one; another installation of Pullpass has it',
      '',
    ]);
  });

  test('whose they are: another source, kube-image-keeper, Helm', async () => {
    const login = { [HUB]: 'robot:new-pw' };
    const kuik = {
      // The real one leaves "Cluster" out.
      'kuik.enix.io/owner-kind': 'ReplicatedImageSet',
      'kuik.enix.io/owner-name': 'docker-hub',
    };
    const text = await scan([
      secret('pullpass-system/other', login),
      secret('team-a/kuik-hub-copy-0123', login, kuik),
      secret('team-b/chart', login, { 'app.kubernetes.io/managed-by': 'Helm' }),
    ]);
    expect(text.split('\n').slice(1, -1)).toEqual([
      expect.stringMatching(/^ {2}pullpass-system\/other: .*; it is source "other"$/),
      expect.stringMatching(
        /^ {2}team-a\/kuik-hub-copy-0123: .*; kube-image-keeper made it for ClusterReplicatedImageSet docker-hub, and updates it when a pod is admitted there$/,
      ),
      expect.stringMatching(/^ {2}team-b\/chart: .*; Helm made it$/),
    ]);
  });

  test('a hundred, and how many more', async () => {
    const many = Array.from({ length: 130 }, (_, i) => secret(`team-${i}/x`, { [HUB]: 'robot:old-pw' }));
    const lines = (await scan(many)).split('\n');
    expect(lines[0]).toContain('130 entries');
    expect([lines.length, lines.at(-2)]).toEqual([103, '  and 30 more']);
  });
});

test('what strangers wrote breaks no line, and shows no login of a key', async () => {
  const text = await scan([
    secret('team-a/x', { 'docker.io/\u202e': 'robot:old-pw' }),
    secret('team-a/y', { 'https://user:pw@index.docker.io': 'robot:old-pw' }),
  ]);
  expect(text.split('\n').slice(1)).toEqual([
    '  team-a/x: "docker.io/\\u{202e}", user "robot": another login, maybe the old one',
    '  team-a/y: "https://***@index.docker.io", user "robot": another login, maybe the old one',
    '',
  ]);
});

test('nothing found is said, and is not silence', async () => {
  expect(await scan([secret('team-a/x', { [HUB]: 'somebody:old-pw' })])).toBe(
    'scan: no other pull Secret of the cluster has a login of a user of source "hub"\n',
  );
});

describe('that it was not scanned is one line', () => {
  const all = (error: Error) => (path: string) => {
    if (path === '/api/v1/secrets') throw error;
  };
  test('without the right to list Secrets', async () => {
    expect(await scan([], all(refusal(403)))).toMatch(
      /^scan: not scanned for other Secrets with this login: the right to list Secrets is missing: .*\n$/,
    );
  });
  test('if the API server does not answer', async () => {
    expect(await scan([], all(new UnreachableError('no answer')))).toBe(
      'scan: not scanned for other Secrets with this login: no answer\n',
    );
  });
  test('if the source is not there', async () => {
    const gone = (path: string) => {
      if (path.endsWith('/secrets/hub')) throw refusal(404);
    };
    expect(await scan([], gone)).toBe(
      'scan: not scanned for other Secrets with this login: Secret pullpass-system/hub does not exist\n',
    );
  });
});
