/** `npm run image`: builds the container image with buildah, without a container engine. See docs/design/0017-image.md. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import manifest from '../package.json' with { type: 'json' };
import { buildProgram } from '../build.ts';
import { contentOf } from './archive.ts';
import { ARCHITECTURES, createRootfs } from './rootfs.ts';
import { BuildError, run } from './run.ts';

const project = path.resolve(import.meta.dirname, '..');
const work = path.join(project, 'dist/image/work');
const { version } = manifest;

interface Flags {
  platform: string[];
  output: string;
  tag: string;
  mirror?: string;
}

const PLATFORMS = Object.keys(ARCHITECTURES).map((architecture) => `linux/${architecture}`);
const own = Object.entries(ARCHITECTURES).find(([, node]) => node === process.arch)?.[0] ?? 'amd64';

/** The same commit has the same digest: whatever says when and from what it was built comes from the commit. */
function build({ platform, output, tag, mirror }: Flags): void {
  const commit = run('git', ['describe', '--always', '--abbrev=40', '--exclude=*', '--dirty'], { cwd: project }).trim();
  const created =
    process.env['SOURCE_DATE_EPOCH'] ?? run('git', ['log', '-1', '--format=%ct'], { cwd: project }).trim();
  if (!/^\d+$/.test(created)) throw new BuildError(`SOURCE_DATE_EPOCH is "${created}": seconds since 1970 are wanted`);
  const labels = {
    title: 'Pullpass',
    description: manifest.description,
    licenses: manifest.license,
    version,
    source: manifest.homepage,
    documentation: manifest.homepage,
    revision: commit,
    created: new Date(Number(created) * 1000).toISOString(),
  };

  const context = path.join(work, 'context');
  for (const architecture of platform.map((name) => path.posix.basename(name))) {
    console.log(`${architecture}: files from Debian, npm and this checkout`);
    createRootfs({ root: path.join(context, architecture), architecture, mirror, project, work });
  }

  // A store of its own: the images of whoever builds are not touched.
  const store = path.join(work, 'store');
  rmSync(store, { recursive: true, force: true });
  const buildah = (command: string, ...args: string[]): string =>
    run('buildah', [
      ...command.split(' '),
      ...['--root', store, '--runroot', path.join(work, 'run'), '--storage-driver', 'vfs'],
      ...args,
    ]);
  const several = platform.length > 1;
  console.log(`${tag}: ${platform.join(', ')}`);
  // One after the other: buildah lists platforms that it builds together in any order, each with another digest.
  for (const name of platform) {
    buildah(
      'build',
      ...['--quiet', '--format', 'oci', '--isolation', 'chroot', '--platform', name],
      ...['--timestamp', created, '--identity-label=false'],
      ...Object.entries(labels).flatMap(([key, value]) => ['--label', `org.opencontainers.image.${key}=${value}`]),
      ...[several ? '--manifest' : '--tag', tag, '--file', path.join(import.meta.dirname, 'Containerfile'), context],
    );
  }
  mkdirSync(path.dirname(output), { recursive: true });
  rmSync(output, { force: true });
  buildah(
    several ? 'manifest push' : 'push',
    ...(several ? ['--all'] : []),
    '--quiet',
    tag,
    `oci-archive:${output}:${tag}`,
  );
  rmSync(store, { recursive: true, force: true });

  const { digest, images } = contentOf(output);
  for (const { platform, bytes } of images) console.log(`${platform}: ${(bytes / 1e6).toFixed(1)} MB compressed`);
  console.log(`${path.relative(process.cwd(), output)}: ${digest}`);
}

function platforms(value: string): string[] {
  const named = [...new Set(value.split(','))].sort();
  const unknown = named.find((name) => !PLATFORMS.includes(name));
  if (unknown !== undefined) throw new InvalidArgumentError(`"${unknown}" is none of ${PLATFORMS.join(', ')}.`);
  return named;
}

const command = new Command('npm run image --')
  .description('Builds the container image, as an OCI archive. For Debian and Ubuntu, as root; needs buildah.')
  .addOption(
    new Option('--platform <list>', `one or more, with commas between: ${PLATFORMS.join(', ')}`)
      .argParser(platforms)
      .default([`linux/${own}`]),
  )
  .addOption(
    new Option('--output <file>', 'the OCI archive')
      .argParser((file) => path.resolve(file))
      .default(path.join(project, `dist/image/pullpass-${version}.oci.tar`), `dist/image/pullpass-${version}.oci.tar`),
  )
  .addOption(new Option('--tag <name>', 'its name in the archive').default(`${manifest.pullpass.image}:${version}`))
  .addOption(
    new Option(
      '--mirror <url>',
      "Debian mirror, instead of the machine's own; a dated snapshot builds with the packages of that day",
    ),
  )
  .action(async (flags: Flags) => {
    process.umask(0o022);
    await buildProgram(path.join(project, 'dist'));
    build(flags);
  });

try {
  await command.parseAsync();
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  process.stderr.write(`npm run image: ${error.message}\n`);
  process.exitCode = 1;
}
