/** Fetches Debian packages of any architecture, by apt: it checks signatures and hashes. Nothing of the machine's own apt changes. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { BuildError, run } from './run.ts';

const RELEASE = 'trixie';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Files `.deb` of the packages, in their order. Only these: what they depend on is not added. */
export function fetchPackages(options: {
  packages: readonly string[];
  architecture: string;
  /** Default: the one that this machine's apt uses. */
  mirror: string | undefined;
  /** Keeps apt's lists for the next time. */
  directory: string;
}): string[] {
  const { packages, architecture, mirror, directory } = options;
  const debs = path.join(directory, 'debs');
  rmSync(debs, { recursive: true, force: true });
  for (const part of ['sources', 'state/lists/partial', 'cache/archives/partial', 'debs'])
    mkdirSync(path.join(directory, part), { recursive: true });
  writeFileSync(
    path.join(directory, 'sources/debian.sources'),
    sources(mirror ?? mirrorOfMachine(), mirror === undefined),
  );

  const settings = {
    'APT::Architecture': architecture,
    'APT::Architectures': architecture,
    // What root downloads needs no other user, who could not write here.
    'APT::Sandbox::User': 'root',
    'Dir::Etc::sourcelist': '/dev/null',
    'Dir::Etc::sourceparts': path.join(directory, 'sources'),
    'Dir::State': path.join(directory, 'state'),
    'Dir::State::status': '/dev/null',
    'Dir::Cache': path.join(directory, 'cache'),
  };
  const apt = (...args: string[]): string =>
    run('apt-get', [...args, ...Object.entries(settings).map(([name, value]) => `--option=${name}=${value}`)], {
      cwd: debs,
    });
  apt('update', '--error-on=any');
  apt('download', ...packages);
  const files = readdirSync(debs);
  return packages.map((name) => path.join(debs, files.find((file) => file.startsWith(`${name}_`)) ?? name));
}

/** Security fixes come from an archive of their own, which mirrors and snapshots keep beside the main one. */
function sources(mirror: string, fresh: boolean): string {
  const archive = (uri: string, suites: string): string =>
    [
      'Types: deb',
      `URIs: ${uri}`,
      `Suites: ${suites}`,
      'Components: main',
      'Targets: Packages',
      `Check-Valid-Until: ${fresh ? 'yes' : 'no'}`,
      `Signed-By: ${KEYRING}`,
      '',
    ].join('\n');
  const security = mirror.replace(/\/debian(?=\/|$)/, '/debian-security');
  if (security === mirror) throw new BuildError(`--mirror ${mirror}: its path must have a part "debian"`);
  return [archive(mirror, `${RELEASE} ${RELEASE}-updates`), archive(security, `${RELEASE}-security`)].join('\n');
}

function mirrorOfMachine(): string {
  const [first] = run('apt-get', [
    'indextargets',
    '--format',
    '$(REPO_URI)',
    'Created-By: Packages',
    'Label: Debian',
  ]).split('\n');
  if (first) return first;
  throw new BuildError("this machine's apt knows no Debian mirror: run apt-get update, or give one with --mirror URL");
}
