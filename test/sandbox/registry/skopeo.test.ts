import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { digestOf } from './images.ts';
import { findSkopeo } from './on-path.ts';
import { startPullThrough } from './pull-through.ts';
import { tinyImage, writeLayout } from './tiny-image.ts';
import { startUpstream } from './upstream.ts';

const skopeo = findSkopeo();
if ('missing' in skopeo) process.stderr.write(`skipped, skopeo as a client: ${skopeo.missing}\n`);

const ann = { username: 'ann', password: 'one' };
const image = tinyImage('from skopeo\n');
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'skopeo-'));
  await writeLayout(path.join(directory, 'layout'), '1', image);
});
afterAll(() => rm(directory, { recursive: true }));

/** Without the machine's own logins and policy. The command line is no place for a login but here: it is made up. */
async function run(...args: string[]): Promise<string> {
  if ('missing' in skopeo) throw new Error(skopeo.missing);
  const { stdout } = await promisify(execFile)(skopeo.found, ['--insecure-policy', '--tmpdir', directory, ...args], {
    env: { HOME: directory, PATH: process.env['PATH'] ?? '' },
  });
  return stdout;
}

describe.skipIf('missing' in skopeo)('skopeo', () => {
  test.each(['bearer', 'basic', 'anonymous'] as const)('pushes an image and pulls it again (%s)', async (auth) => {
    const server = await startUpstream({ auth, users: { ann: { password: 'one', repositories: ['corp/*'] } } });
    const creds = auth === 'anonymous' ? [] : ['ann:one'];
    try {
      await run(
        'copy',
        '--dest-tls-verify=false',
        ...creds.flatMap((login) => ['--dest-creds', login]),
        `oci:${directory}/layout:1`,
        `docker://${server.host}/corp/app:1`,
      );
      await run(
        'copy',
        '--src-tls-verify=false',
        ...creds.flatMap((login) => ['--src-creds', login]),
        `docker://${server.host}/corp/app:1`,
        `dir:${directory}/${auth}`,
      );
      const found = await run(
        'inspect',
        '--tls-verify=false',
        ...creds.flatMap((login) => ['--creds', login]),
        `docker://${server.host}/corp/app:1`,
      );
      expect(JSON.parse(found)).toMatchObject({ Digest: digestOf(image.manifest), RepoTags: ['1'] });
      if (auth === 'anonymous') return;
      await expect(
        run('inspect', '--tls-verify=false', '--creds', 'ann:wrong', `docker://${server.host}/corp/app:1`),
      ).rejects.toThrow(/authentication required|unauthorized|invalid username\/password/);
      await expect(
        run(
          'copy',
          '--dest-tls-verify=false',
          '--dest-creds',
          'ann:one',
          `oci:${directory}/layout:1`,
          `docker://${server.host}/other/app:1`,
        ),
      ).rejects.toThrow(/denied|Forbidden/);
    } finally {
      await server.stop();
    }
  });

  test('pulls through the cache without a login', async () => {
    const server = await startUpstream({ users: { ann: { password: 'one', repositories: ['corp/*'] } } });
    const cache = await startPullThrough({ upstream: server, login: ann });
    try {
      const { digest } = server.putImage('corp/app', '1');
      await run('copy', '--src-tls-verify=false', `docker://${cache.host}/corp/app:1`, `dir:${directory}/through`);
      expect(JSON.parse(await run('inspect', '--tls-verify=false', `docker://${cache.host}/corp/app:1`))).toMatchObject(
        { Digest: digest },
      );
    } finally {
      await cache.stop();
      await server.stop();
    }
  });
});
