/** Who says what is true: skopeo. It pushes images that nobody pulled before, and pulls them as a node would. Never our own code. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { digestOf } from '../sandbox/registry/images.ts';
import { tinyImage, writeLayout } from '../sandbox/registry/tiny-image.ts';
import type { Cache } from './caches.ts';
import type { Login, Upstream } from './upstream.ts';

export interface Pull {
  readonly ok: boolean;
  /** skopeo's last line, where it failed. */
  readonly why: string;
}

export interface Oracle {
  /** Pushes a new image straight to the upstream, as its administrator; gives its new tag. */
  push(repository: string): Promise<string>;
  /** The same tag, another image; gives its digest. */
  move(repository: string, tag: string): Promise<string>;
  /** Pulls manifest, config and layer. `from`: a cache, or the upstream itself as its administrator. */
  pull(from: Cache | 'upstream', repository: string, tag: string): Promise<Pull>;
  /** All tags at the upstream itself. */
  tags(repository: string): Promise<string[]>;
  stop(): Promise<void>;
}

let pushed = 0;

export async function createOracle(skopeo: string, upstream: Upstream): Promise<Oracle> {
  const directory = await mkdtemp(path.join(tmpdir(), 'proof-oracle-'));
  let pulls = 0;
  let layouts = 0;
  /** Without the machine's own logins and policy. The logins are made up, so the command line may have them. */
  const run = (...args: string[]): Promise<{ stdout: string }> =>
    promisify(execFile)(skopeo, ['--insecure-policy', '--tmpdir', directory, '--command-timeout', '30s', ...args], {
      env: { HOME: directory, PATH: process.env['PATH'] ?? '' },
    });
  const creds = (side: string, login: Login | undefined): string[] =>
    login === undefined ? [] : [`--${side}-creds`, `${login.username}:${login.password}`];

  async function move(repository: string, tag: string): Promise<string> {
    const layout = path.join(directory, `layout-${++layouts}`);
    const image = tinyImage(`${repository}:${tag} ${layouts} ${Date.now()}\n`);
    await writeLayout(layout, tag, image);
    const to = `docker://${upstream.host}/${repository}:${tag}`;
    await run('copy', '--dest-tls-verify=false', ...creds('dest', upstream.admin), `oci:${layout}:${tag}`, to);
    await rm(layout, { recursive: true });
    return digestOf(image.manifest);
  }

  return {
    async push(repository) {
      const tag = `t${++pushed}`;
      await move(repository, tag);
      return tag;
    },
    move,
    async pull(from, repository, tag) {
      const [host, name, login] =
        from === 'upstream'
          ? [upstream.host, repository, upstream.admin]
          : [from.host, from.imageOf(repository), from.login];
      const to = path.join(directory, `pull-${++pulls}`);
      try {
        await run(
          'copy',
          '--src-tls-verify=false',
          ...creds('src', login),
          `docker://${host}/${name}:${tag}`,
          `dir:${to}`,
        );
        return { ok: true, why: '' };
      } catch (error) {
        const { stderr = '' } = error as { stderr?: string };
        return { ok: false, why: stderr.trim().split('\n').at(-1) ?? '' };
      } finally {
        await rm(to, { recursive: true, force: true });
      }
    },
    async tags(repository) {
      const { username, password } = upstream.admin;
      const from = `docker://${upstream.host}/${repository}`;
      const { stdout } = await run('list-tags', '--tls-verify=false', '--creds', `${username}:${password}`, from);
      return (JSON.parse(stdout) as { Tags: string[] }).Tags;
    },
    stop: () => rm(directory, { recursive: true, force: true }),
  };
}
