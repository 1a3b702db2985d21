/**
 * Bundles the program into files that run with nothing but Node: `node build.ts`. `dist/pullpass.js` starts, and `dist/lib/` is loaded
 * by parts: docs/design/0030-start-up.md says how, and why.
 */
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { basename, dirname, extname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type { Metafile, Plugin } from 'esbuild';

const root = dirname(fileURLToPath(import.meta.url));

/** It uses only syntax that old versions of Node.js know, and loads the program after the check: so the check runs there too. */
const STARTER = `#!/usr/bin/env node
{
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 22 || (major === 22 && minor < 19)) {
    process.stderr.write('pullpass needs Node.js 22.19 or newer, this is ' + process.versions.node + ': install a newer one or use the container image\\n');
    process.exit(1);
  }
}
import('./lib/main.js').catch((error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
  process.stderr.write('pullpass: what belongs into lib/ beside pullpass.js is not there: install the whole package again\\n');
  process.exitCode = 1;
});
`;

/** CommonJS modules need `require`, `__filename` and `__dirname`, which an ES module does not have. */
const banner = `const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);
const { filename: __filename, dirname: __dirname } = import.meta;
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

/**
 * `import 'node:http'` asks the module for each of its names, also for `WebSocket`: that loads an undici inside Node, 44 ms and 17 MB.
 * Asked for as a whole, it gives only what is used.
 */
const builtins: Plugin = {
  name: 'builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[a-z]/ }, ({ path }) => (isBuiltin(path) ? { path, namespace: 'builtin' } : undefined));
    onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
    }));
  },
};

/** client-node does not say that its files do nothing when they are loaded: without that, all its generated classes come along. */
const clientNode: Plugin = {
  name: 'client-node',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^(\.|@kubernetes\/client-node$)/ }, async ({ path, pluginData, ...args }) => {
      if (pluginData === clientNode || !(path + args.importer).includes('@kubernetes/client-node')) return undefined;
      return { ...(await resolve(path, { ...args, pluginData: clientNode })), sideEffects: false };
    });
  },
};

/** What packages load for what is refused here (SOCKS proxies), or is never switched on (exemplars). */
const left: Readonly<Record<string, string>> = {
  socks: 'export const SocksClient = undefined;',
  'socks-proxy-agent': 'export class SocksProxyAgent {}',
  '@opentelemetry/api': 'module.exports = {};',
};
const leftOut: Plugin = {
  name: 'left-out',
  setup({ onResolve, onLoad }) {
    const filter = new RegExp(`^(?:${Object.keys(left).join('|')})$`);
    onResolve({ filter }, ({ path }) => ({ path, namespace: 'left-out' }));
    onLoad({ filter, namespace: 'left-out' }, ({ path }) => ({ contents: left[path] ?? '' }));
  },
};

/** undici's own index loads fetch, WebSocket, caches and mocks too. A name that is missing here fails the build. */
const undici: Plugin = {
  name: 'undici',
  setup({ onLoad }) {
    onLoad({ filter: /node_modules[\\/]undici[\\/]index\.js$/ }, ({ path }) => ({
      contents: `
        import Dispatcher from './lib/dispatcher/dispatcher.js';
        import api from './lib/api/index.js';
        Object.assign(Dispatcher.prototype, api);
        export { default as Agent } from './lib/dispatcher/agent.js';
        export { default as Pool } from './lib/dispatcher/pool.js';
        export { default as ProxyAgent } from './lib/dispatcher/proxy-agent.js';
        export { default as buildConnector } from './lib/core/connect.js';
        // For the calls of client-node, which are not used here.
        export const fetch = globalThis.fetch;
      `,
      resolveDir: dirname(path),
    }));
  },
};

/** Into `folder`, with its parts and licences in `lib/` beside it. */
export async function buildProgram(folder: string): Promise<void> {
  const lib = join(folder, 'lib');
  await rm(lib, { recursive: true, force: true });
  const { legal } = await bundle({ entry: join(root, 'src/main.ts'), folder: lib });
  const program = join(folder, 'pullpass.js');
  await writeFile(program, STARTER);
  await chmod(program, 0o755);
  await writeFile(`${program}.LEGAL.txt`, legal);
}

/** Writes `entry` as a module, and beside it what it loads later. `legal`: what must be shipped with them. */
export async function bundle({
  entry,
  folder,
}: {
  entry: string;
  folder: string;
}): Promise<{ file: string; legal: string; metafile: Metafile }> {
  const { metafile, outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outdir: folder,
    // What `import()` loads, and what several of them share, become files of their own.
    splitting: true,
    chunkNames: '[name]-[hash]',
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    plugins: [pageAssets, builtins, clientNode, leftOut, undici],
    banner: { js: banner },
    sourcemap: 'external',
    metafile: true,
    // A linked node_modules makes the same bundle: the names of its files are comments in it.
    preserveSymlinks: true,
    legalComments: 'external',
    logLevel: 'warning',
  });
  await mkdir(folder, { recursive: true });
  const comments = new Set<string>();
  for (const { path, text, contents } of outputFiles) {
    if (path.endsWith('.LEGAL.txt')) comments.add(text.trim());
    else await writeFile(path, contents);
  }
  return {
    file: join(folder, `${basename(entry, extname(entry))}.js`),
    legal: `${[...comments].sort().join('\n\n')}\n${await licensesOf(Object.keys(metafile.inputs))}`,
    metafile,
  };
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

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildProgram(join(root, 'dist'));
