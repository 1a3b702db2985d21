/** `pullpass match --mirror`: what containerd and CRI-O send to a mirror. */
import { describe, expect, test } from 'vitest';
import { matchCommand } from '../../src/cli/match.ts';
import { run } from './environment.ts';
import { auths, base64 } from '../credentials/arbitraries.ts';

const CONFIG = auths([
  ['docker.io', { auth: base64('hub:hunter2') }],
  ['mirror.example:5000', { auth: base64('mirror:hunter2') }],
  ['mirror.example', { auth: base64('portless:hunter2') }],
]);
const find = (...args: string[]) => run(matchCommand, ['nginx', '--docker-config', '-', ...args], { input: CONFIG });
const mirrorOf = (location: string, ...more: string[]) => find('--mirror', location, ...more);

describe('with --runtime crio', () => {
  test('the table has the login, the reason, and why not the others; never a password', async () => {
    const { out, status } = await mirrorOf('mirror.example:5000/hub', '--runtime', 'crio');
    expect(status).toBe(0);
    expect(out).toBe(`\
For docker.io/library/nginx CRI-O sends to mirror.example:5000/hub:

KEY                  USERNAME  WHY
mirror.example:5000  mirror    no longer path of the mirror's location has an entry

Not used:

KEY             WHY NOT
mirror.example  it has no port, and the mirror has one; write the port, too

Not for this mirror: docker.io
`);
  });

  test('json names the mirror, the runtime and the login', async () => {
    const { out } = await mirrorOf('mirror.example:5000/', '--runtime', 'crio', '-o', 'json');
    expect(JSON.parse(out)).toEqual({
      image: 'nginx',
      repository: 'docker.io/library/nginx',
      mirror: { location: 'mirror.example:5000', runtime: 'crio' },
      matches: [{ key: 'mirror.example:5000', username: 'mirror' }],
    });
  });

  test('no login: the status is 4, and a line says what CRI-O does then', async () => {
    const { out, status } = await mirrorOf('other.example', '--runtime', 'crio');
    expect([status, out]).toEqual([
      4,
      expect.stringMatching(/^No login for other\.example: .* goes on to upstream without a word\.\n/),
    ]);
  });

  test("a mirror on the image's own host gets the pod's login, which the kubelet finds", async () => {
    const { out } = await mirrorOf('docker.io/mirror', '--runtime', 'crio');
    expect(out).toContain(
      "docker.io  hub       same host; the mirror is on the host of the image, and so gets the pod's own login",
    );
  });
});

test("containerd, the default, sends the kubelet's login for the image, whatever the mirror's own entry is", async () => {
  const { out, status } = await mirrorOf('mirror.example:5000', '-o', 'json');
  expect([status, JSON.parse(out)]).toMatchObject([
    0,
    {
      mirror: { location: 'mirror.example:5000', runtime: 'containerd' },
      matches: [{ key: 'docker.io', username: 'hub' }],
    },
  ]);
  expect((await mirrorOf('mirror.example:5000', '--runtime', 'containerd')).out).toMatch(
    /\ncontainerd sends the same login to mirror\.example:5000 where that asks for one/,
  );
});

test('where no login matches, none is said to be sent to the mirror of containerd', async () => {
  const args = ['ghcr.io/a', '--docker-config', '-', '--mirror', 'mirror.example:5000'];
  const { out, status } = await run(matchCommand, args, { input: CONFIG });
  expect([status, out]).toEqual([
    4,
    expect.stringContaining('\ncontainerd has none for mirror.example:5000 either: a login under'),
  ]);
});

test.each([
  [['--mirror', 'https://mirror.example'], /leave the scheme out: HOST\[:PORT\]\[\/PATH\]/],
  [['--mirror', 'mirror.example/app:1'], /must be HOST\[:PORT\]\[\/PATH\], without a tag/],
  [['--mirror', ''], /must be HOST/],
  [['--runtime', 'crio'], /^match: --runtime goes with --mirror/],
])('%j is refused in one line', async (args, message) => {
  await expect(find(...args)).rejects.toThrow(message);
});
