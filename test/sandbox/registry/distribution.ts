/** Debian's real `docker-registry` (Distribution 2.8) as an upstream with htpasswd, or as a pull-through cache. */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as get } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { htpasswd } from './htpasswd.ts';
import { findOnPath } from './on-path.ts';
import type { Found } from './on-path.ts';

export const findDistribution = (): Found =>
  findOnPath('docker-registry', 'on Debian, apt-get install docker-registry');

interface Login {
  readonly username: string;
  readonly password: string;
}

export interface Distribution {
  /** `http://127.0.0.1:port`; a restart keeps it. */
  readonly url: string;
  readonly host: string;
  /** All that it wrote so far. */
  log(): Promise<string>;
  stop(): Promise<void>;
}

export interface DistributionUpstream extends Distribution {
  /** In force with the next request: the file is read again when it changes. */
  setUsers(users: Readonly<Record<string, string>>): Promise<void>;
}

export interface DistributionCache extends Distribution {
  /** Starts it again with another login, storage and port kept: as when a Deployment with a volume is rolled. */
  restart(login: Login | undefined): Promise<void>;
}

/** An upstream with Basic authentication. `users`: name to password. */
export async function startDistribution(
  program: string,
  users: Readonly<Record<string, string>>,
): Promise<DistributionUpstream> {
  const directory = await mkdtemp(path.join(tmpdir(), 'distribution-'));
  const file = path.join(directory, 'htpasswd');
  const setUsers = async (next: Readonly<Record<string, string>>): Promise<void> => {
    await writeFile(file, htpasswd(next));
  };
  try {
    await setUsers(users);
    const { handle } = await launch(
      program,
      directory,
      `auth: { htpasswd: { realm: Distribution, path: ${JSON.stringify(file)} } }`,
      () => ({}),
    );
    return { ...handle, setUsers };
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

/** @throws if `remoteUrl` does not answer, or requires Basic: 2.8 fails to start if it is down, and supports only Bearer. */
export async function startDistributionCache(
  program: string,
  options: { remoteUrl: string; login?: Login; caFile?: string },
): Promise<DistributionCache> {
  const directory = await mkdtemp(path.join(tmpdir(), 'distribution-'));
  let login = options.login;
  const environment = (): Record<string, string> => ({
    REGISTRY_PROXY_REMOTEURL: options.remoteUrl,
    ...(login === undefined
      ? {}
      : { REGISTRY_PROXY_USERNAME: login.username, REGISTRY_PROXY_PASSWORD: login.password }),
    ...(options.caFile === undefined ? {} : { SSL_CERT_FILE: options.caFile }),
  });
  const { handle, restart } = await launch(program, directory, '', environment).catch(async (error: unknown) => {
    await rm(directory, { recursive: true, force: true });
    throw error;
  });
  return {
    ...handle,
    async restart(next) {
      login = next;
      await restart();
    },
  };
}

async function launch(
  program: string,
  directory: string,
  more: string,
  environment: () => Record<string, string>,
): Promise<{ handle: Distribution; restart: () => Promise<void> }> {
  await mkdir(path.join(directory, 'storage'), { recursive: true });
  const config = path.join(directory, 'config.yml');
  const log: string[] = [];
  let host = '';

  const configure = async (): Promise<void> => {
    host = `127.0.0.1:${await freePort()}`;
    const storage = JSON.stringify(path.join(directory, 'storage'));
    await writeFile(
      config,
      `version: 0.1\nlog: { level: info }\nstorage: { filesystem: { rootdirectory: ${storage} } }\nhttp: { addr: "${host}" }\n${more}\n`,
    );
  };
  const start = async (): Promise<Keeper> => {
    const keeper = keep(program, ['serve', config], { PATH: process.env['PATH'] ?? '', ...environment() }, (text) =>
      log.push(text),
    );
    if (await answers(host, keeper)) return keeper;
    await keeper.stop();
    const last =
      log
        .join('')
        .split('\n')
        .findLast((line) => /panic|fatal|address already in use/i.test(line)) ?? 'no answer in time';
    throw new Error(`docker-registry did not start: ${last}`);
  };
  const retryElsewhere = async (error: unknown): Promise<Keeper> => {
    if (!/address already in use/.test(String(error))) throw error;
    await configure();
    return start();
  };
  await configure();
  let keeper = await start().catch(retryElsewhere).catch(retryElsewhere);
  return {
    handle: {
      url: `http://${host}`,
      host,
      log: async () => log.join(''),
      async stop() {
        await keeper.stop();
        await rm(directory, { recursive: true, force: true });
      },
    },
    async restart() {
      await keeper.stop();
      keeper = await start();
    },
  };
}

export interface Keeper {
  readonly gone: () => boolean;
  stop(): Promise<void>;
}

/**
 * The registry's parent is a shell that holds one end of a pipe to us (descriptor 3). It ends the registry when the pipe
 * closes, which happens however we die; and ends itself when the registry does.
 */
const SHELL =
  '"$@" 3<&- & child=$!; (read -r _ <&3; kill -TERM $child) 2>/dev/null & watch=$!; wait $child; kill $watch 2>/dev/null; true';

export function keep(
  program: string,
  args: readonly string[],
  env: Record<string, string>,
  write: (text: string) => void,
): Keeper {
  const shell = spawn('/bin/sh', ['-c', SHELL, 'sh', program, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  for (const stream of [shell.stdout, shell.stderr]) stream?.setEncoding('utf8').on('data', write);
  let isGone = false;
  const end = new Promise<void>((resolve) => shell.once('close', () => resolve())).then(() => void (isGone = true));
  return {
    gone: () => isGone,
    async stop() {
      shell.stdio[3]?.destroy();
      await end;
    },
  };
}

export async function answers(host: string, keeper: Keeper): Promise<boolean> {
  for (let attempt = 0; attempt < 300 && !keeper.gone(); attempt++) {
    const status = await new Promise<number | undefined>((resolve) => {
      const request = get(`http://${host}/`, (response) => resolve(response.resume().statusCode));
      request.on('error', () => resolve(undefined)).end();
    });
    await delay(100);
    // Looked at after the pause: what answered may be another server that was faster to take the port.
    if (status !== undefined && !keeper.gone()) return true;
  }
  return false;
}

/** Free a moment ago: nothing better can be had for a program that takes its port from a file. */
export function freePort(address = '127.0.0.1'): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, address, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
