/** The pages about cache proxies keep their promises: each configuration is valid, and its copy gives every image its login. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseConfiguration, renderProblem } from '../../src/config/load.ts';
import type { Configuration } from '../../src/config/schema.ts';
import { resolveAlias } from '../../src/credentials/alias.ts';
import { crioLogin } from '../../src/credentials/crio-mirror.ts';
import { parseSecret } from '../../src/credentials/docker-config.ts';
import type { SecretContent } from '../../src/credentials/docker-config.ts';
import { parseImage } from '../../src/credentials/image-reference.ts';
import { lookup, makeKeyring } from '../../src/credentials/keyring.ts';
import { DOCKER_HUB_KEY } from '../../src/credentials/registry-name.ts';
import { contentOf } from '../../src/sources/content.ts';
import type { Content } from '../../src/sources/content.ts';
import { admitsName } from '../../src/plan/selection.ts';

const PAGES = path.resolve(import.meta.dirname, '../../docs/cache-proxies');
const read = (page: string): string => readFileSync(path.join(PAGES, page), 'utf8');
const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A source with three registries; each entry's username is the registry's name. */
const source: SecretContent = {
  type: 'kubernetes.io/dockerconfigjson',
  data: {
    '.dockerconfigjson': base64(
      JSON.stringify({
        auths: {
          [DOCKER_HUB_KEY]: { auth: base64('docker.io:pw') },
          'quay.io': { auth: base64('quay.io:pw') },
          'registry.corp': { auth: base64('registry.corp:pw') },
        },
      }),
    ),
  },
};

/** The complete configuration on a page; there is at most one. */
function configurationOf(page: string): Configuration | undefined {
  const blocks = [...read(page).matchAll(/^```yaml\n([^]*?)^```$/gm)]
    .map(([, text = '']) => text)
    .filter((text) => text.includes('kind: Configuration'));
  expect(blocks.length).toBeLessThanOrEqual(1);
  const [text] = blocks;
  if (text === undefined) return undefined;
  const parsed = parseConfiguration(text, page);
  if (!parsed.ok) throw new Error(parsed.problems.map(renderProblem).join('\n'));
  return parsed.configuration;
}

/** Rows of the table with this head: `name` and the login that it is to find. */
function promises(page: string, head: 'image' | 'mirror'): [name: string, login: string][] {
  const [, rows = ''] =
    new RegExp(`^\\| ${head} \\| login \\|\\n\\|---\\|---\\|\\n((?:\\|.*\\n)*)`, 'm').exec(read(page)) ?? [];
  return [...rows.matchAll(/^\| `([^`]+)` \| `([^`]+)` \|$/gm)].map(([, name = '', login = '']) => [name, login]);
}

/** The copy of the page's source. A login that an alias names has the name of its Secret as username. */
function copyOf(configuration: Configuration): Content {
  const [{ aliases } = { aliases: [] }] = configuration.sources;
  const logins = new Map(
    aliases.flatMap((alias) =>
      'login' in alias
        ? [
            [
              alias.login.secret,
              {
                type: 'kubernetes.io/basic-auth',
                data: { username: base64(alias.login.secret), password: base64('pw') },
              },
            ] as const,
          ]
        : [],
    ),
  );
  const parsed = parseSecret(source);
  const own = parsed.ok ? parsed.credentials : [];
  return contentOf(
    (base64) => base64,
    own,
    aliases.map((alias) => {
      const resolved = resolveAlias(alias, own, logins);
      if (!resolved.ok) throw new Error(resolved.problem);
      return resolved.credential;
    }),
  );
}

const withImages = readdirSync(PAGES).filter((page) => promises(page, 'image').length > 0);

test('there are such pages', () => {
  expect(withImages.sort()).toEqual([
    'containerd.md',
    'custom-resource.md',
    'image-puller.md',
    'k3s.md',
    'k8s-image-swapper.md',
    'kube-fledged.md',
    'kube-image-keeper.md',
    'kyverno.md',
    'tugger.md',
  ]);
  expect(promises('cri-o.md', 'mirror')).toHaveLength(2);
});

test('the index links every page', () => {
  const linked = [...read('README.md').matchAll(/\]\(([\w-]+\.md)/g)].map(([, page]) => page);
  for (const page of readdirSync(PAGES)) if (page !== 'README.md') expect(linked).toContain(page);
});

describe.each(withImages)('%s', (page) => {
  test.each(promises(page, 'image'))('%s is pulled with the login of %s', (name, login) => {
    const configuration = configurationOf(page);
    const parsed = parseImage(name);
    if (configuration === undefined || !parsed.ok) throw new Error('a page with a table of images has a configuration');
    const [first] = lookup(makeKeyring([{ credentials: copyOf(configuration).credentials }]), parsed.image.name);
    expect(first?.credential.username).toBe(login);
  });
});

describe('cri-o.md', () => {
  test.each(promises('cri-o.md', 'mirror'))('%s is pulled with the login of %s', (location, login) => {
    const configuration = configurationOf('cri-o.md');
    if (configuration === undefined) throw new Error('the page has a configuration');
    const secret = {
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': copyOf(configuration).base64 },
    };
    expect(crioLogin([{ secret }], 'docker.io/corp/app', location).pick?.login.username).toBe(login);
  });
});

describe('a page with a cache proxy', () => {
  const pages = ['kube-image-keeper.md', 'kube-fledged.md', 'image-puller.md', 'custom-resource.md'];

  test.each(pages)('%s: the guard admits the namespace whose copy is used, and the page says to opt it in', (page) => {
    const configuration = configurationOf(page);
    const [proxy] = configuration?.cacheProxies ?? [];
    const [from] = configuration?.sources ?? [];
    if (proxy === undefined || from === undefined || !('object' in proxy))
      throw new Error('the page has a cache proxy of the patch shape');
    const namespace = ('copyNamespace' in proxy ? proxy.copyNamespace : undefined) ?? proxy.object.namespace ?? '';
    expect(admitsName(from, namespace)).toBe(true);
    expect(read(page)).toContain(`kubectl annotate namespace ${namespace} pullpass.dev/sync=enabled`);
    if (page === 'kube-fledged.md' || page === 'custom-resource.md')
      expect(read(page)).toContain(`login.pullpass.dev/${proxy.name}`);
  });
});
