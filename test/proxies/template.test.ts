/** Templates: what a login brings in arrives whole, in every format, and a mistake is found before anything is written. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { ProxyContext, ProxyKube } from '../../src/proxies/adapter.ts';
import { template } from '../../src/proxies/template.ts';
import { describeCacheProxy } from '../conformance/cache-proxy.ts';
import { onEachServer } from '../integration/env/servers.ts';
import { renderFixture, shared, workloadIn } from './render-fixture.ts';
import type { UpstreamLogin } from '../../src/credentials/upstream.ts';
import { checkTemplate } from '../../src/config/placeholders.ts';

const config = (namespace: string, files: Record<string, string>) => ({
  ...shared(namespace),
  kind: 'template' as const,
  files,
  workload: workloadIn(namespace),
});
const EVERY_FORMAT = {
  'auth.json': '{"auths":{{{registry|json}}:{"auth":"{{auth}}"}}}',
  'config.json': '{"user": {{ username | json }}, "password": {{ password | json }}}',
  'config.yaml': 'user: {{username|yaml}}\npassword: {{password|yaml}} # the upstream login\n',
  'netrc.b64': '{{username|base64}} {{password|base64}}',
};

/** What a product reads from each of the files. */
function readings(files: Record<string, string>): { username: string; password: string }[] {
  const plain = (base64: string): string => Buffer.from(base64, 'base64').toString();
  const [, username = '', password = ''] =
    /^([^:]*):(.*)$/s.exec(
      plain(
        (JSON.parse(files['auth.json'] ?? '') as { auths: Record<string, { auth: string }> }).auths['docker.io']
          ?.auth ?? '',
      ),
    ) ?? [];
  const [user = '', pass = ''] = (files['netrc.b64'] ?? '').split(' ');
  const parsed = [JSON.parse(files['config.json'] ?? ''), parse(files['config.yaml'] ?? '')] as {
    user: string;
    password: string;
  }[];
  return [
    { username, password },
    { username: plain(user), password: plain(pass) },
    ...parsed.map((read) => ({ username: read.user, password: read.password })),
  ];
}

/** Renders without a cluster: what apply would write. */
async function rendered(files: Record<string, string>, login: UpstreamLogin): Promise<Record<string, string>> {
  let written: Record<string, string> = {};
  const { workload: _, ...rest } = config('cache', files);
  const kube: Pick<ProxyKube, 'applySecret'> = {
    applySecret: async ({ data }) => {
      written = data;
    },
  };
  await template(rest).apply(login, { kube, mac: (text) => text } as ProxyContext);
  return written;
}

onEachServer((server) => {
  describeCacheProxy('template', () =>
    renderFixture(
      server(),
      (namespace) => config(namespace, EVERY_FORMAT),
      template,
      ({ data }) =>
        async () => {
          const files = await data();
          if (files === undefined) return undefined;
          const [first, ...others] = readings(files);
          for (const other of others) expect(other).toEqual(first);
          return first;
        },
    ),
  );
});

test('any login arrives whole in every format', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: 'binary' }).filter((name) => !name.includes(':')),
      fc.string({ unit: 'binary' }),
      async (username, password) => {
        for (const reading of readings(await rendered(EVERY_FORMAT, { registry: 'docker.io', username, password })))
          expect(reading).toEqual({ username, password });
      },
    ),
    {
      examples: [
        ['u', '\u0085\u2028\u2029\ufeff\u007f'],
        ['u', '{{password}}$&$1\\'],
        ['u', '😀 # : "'],
      ],
    },
  );
});

test('pipes follow one another, and what is no placeholder stays', async () => {
  expect(
    await rendered(
      { a: '{{password|json|base64}} } { {a} }}', b: '{{{{password}}}}', c: 'no login' },
      { registry: 'r', username: 'u', password: 'p' },
    ),
  ).toEqual({ a: `${Buffer.from('"p"').toString('base64')} } { {a} }}`, b: '{{p}}', c: 'no login' });
});

describe('checkTemplate', () => {
  test.each(Object.values(EVERY_FORMAT))('takes %j', (text) => expect(checkTemplate(text)).toBeUndefined());

  test.each([
    '{{user}}',
    '{{ .Values.x }}',
    '{{password|shell}}',
    '{{password|}}',
    '{{}}',
    '{{constructor}}',
    '{{password|toString}}',
    '{{pass\nword}}',
  ])('says what is wrong with %j', (text) => {
    expect(checkTemplate(text)).toMatch(
      /^unknown placeholder "\{\{.*\}\}": use \{\{registry\}\}, \{\{username\}\}, \{\{password\}\} or \{\{auth\}\}, each with \|json, \|base64 or \|yaml where needed$/,
    );
  });

  test('says what is wrong with a placeholder that does not end', () => {
    expect(checkTemplate('password: {{password}')).toMatch(/^"\{\{" without "\}\}": use/);
  });

  test('and the adapter does not start with such a template', () => {
    expect(() => template(config('cache', { 'a.json': '{{user}}' }))).toThrow(
      'cache proxy "hub-cache": files.a.json: unknown placeholder "{{user}}"',
    );
  });
});
