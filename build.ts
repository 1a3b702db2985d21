/** Bundles the program into one file that runs with nothing but Node: `node build.ts`. */
import { appendFile, chmod, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type { Plugin } from 'esbuild';

const root = dirname(fileURLToPath(import.meta.url));

/**
 * Runs before any bundled module. It uses only syntax that old versions of Node.js know, so that the check runs there too.
 * The bundled CommonJS modules need `require`, `__filename` and `__dirname`, which an ES module does not have.
 */
const banner = `#!/usr/bin/env node
import { createRequire as pullpassCreateRequire } from 'node:module';
import { fileURLToPath as pullpassFileURLToPath } from 'node:url';
{
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 22 || (major === 22 && minor < 19)) {
    process.stderr.write('pullpass needs Node.js 22.19 or newer, this is ' + process.versions.node + ': install a newer one or use the container image\\n');
    process.exit(1);
  }
}
const require = pullpassCreateRequire(import.meta.url);
const __filename = pullpassFileURLToPath(import.meta.url);
const __dirname = pullpassFileURLToPath(new URL('.', import.meta.url));
`;

/** The report's page reads its style and script from files, which the bundle does not have: their text becomes constants here. */
const pageAssets: Plugin = {
  name: 'page-assets',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]src[\\/]audit[\\/]page[\\/]assets\.ts$/ }, async ({ path }) => {
      const assets = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
      return {
        contents: Object.entries(assets)
          .map(([name, value]) => `export const ${name} = ${JSON.stringify(value)};\n`)
          .join(''),
      };
    });
  },
};

export async function bundle({ entry, outfile }: { entry: string; outfile: string }): Promise<void> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    plugins: [pageAssets],
    banner: { js: banner },
    sourcemap: 'external',
    metafile: true,
    // A linked node_modules makes the same bundle: the names of its files are comments in it.
    preserveSymlinks: true,
    // Goes to pullpass.js.LEGAL.txt, which must be shipped with the bundle.
    legalComments: 'external',
    logLevel: 'warning',
  });
  await appendFile(`${outfile}.LEGAL.txt`, await licensesOf(Object.keys(metafile.inputs)));
  await chmod(outfile, 0o755);
}

/** What each package that is in the bundle says of its licence: few say it in comments, which is all that esbuild collects. */
async function licensesOf(files: readonly string[]): Promise<string> {
  const folders = new Set(files.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []));
  let text = '\nBundled packages:\n';
  for (const folder of [...folders].sort().map((name) => join(root, name))) {
    const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Record<
      string,
      string
    >;
    text += `\n${'='.repeat(80)}\n${name} ${version}, ${license}\n`;
    for (const file of (await readdir(folder)).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file)).sort())
      text += `\n${await readFile(join(folder, file), 'utf8')}`;
  }
  return text;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await bundle({ entry: `${root}/src/main.ts`, outfile: `${root}/dist/pullpass.js` });
