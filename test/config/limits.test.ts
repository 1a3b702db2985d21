/** No configuration, whoever wrote it, is read for long, and none fills the log. */
import { describe, expect, test } from 'vitest';
import { configurationJsonSchema } from '../../src/commands/schema.ts';
import { LISTS } from '../../src/config/limits.ts';
import { MAX_PROBLEMS, parseConfiguration, renderProblem } from '../../src/config/load.ts';
import { isValidCron } from '../../src/config/schedule.ts';
import { MAX_VALUES } from '../../src/config/yaml-nodes.ts';
import { MAX_TEXT } from '../../src/config/yaml.ts';
import { GOOD, HEAD, source } from './documents.ts';

/** What is said of it. Milliseconds of this process, not of the clock: about a third of a second at most. */
function lines(text: string): string[] {
  const before = process.cpuUsage();
  const result = parseConfiguration(text, 'c.yaml');
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1000).toBeLessThan(4_000);
  return result.ok ? [] : result.problems.map(renderProblem);
}

const many = (count: number, item: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => item(i)).join('');
/** As many as fit into the largest text. */
const filled = (item: string): string => item.repeat(Math.floor((MAX_TEXT - GOOD.length - 100) / item.length));

test('a text that is larger than any configuration is refused in one line, at once', () => {
  expect(lines(GOOD + '#\n'.repeat(MAX_TEXT))).toEqual([
    expect.stringMatching(/^c\.yaml:1:1: has 513 KiB, more than 256 KiB: no configuration needs as much/),
  ]);
});

test('500 sources with all lists that go with them are read', () => {
  const text =
    `${HEAD}sources:\n${many(LISTS.sources, (i) => source(`s${i}`))}retiredCopyNames: [${many(LISTS.retiredCopyNames, (i) => `r${i},`)}]\n` +
    `registries:\n${many(LISTS.registries, (i) => `  - { host: r${i}.corp, plainHttp: true }\n`)}`;
  expect(lines(text)).toEqual([]);
});

test.each(
  Object.entries({
    sources: (n: number) => `${HEAD}sources:\n${many(n, (i) => source(`s${i}`))}`,
    cacheProxies: (n: number) => `${GOOD}cacheProxies:\n${many(n, () => '  - {}\n')}`,
    registries: (n: number) => `${GOOD}registries:\n${many(n, (i) => `  - { host: r${i}.corp }\n`)}`,
    retiredCopyNames: (n: number) => `${GOOD}retiredCopyNames: [${many(n, (i) => `r${i},`)}]\n`,
    aliases: (n: number) => `${GOOD}    aliases: [${many(n, (i) => `{ host: h${i}.corp, from: docker.io },`)}]\n`,
    globs: (n: number) => `${GOOD}    serviceAccounts: [${many(n, (i) => `a${i},`)}]\n`,
    labels: (n: number) => `${GOOD}    namespaces: { selector: { matchLabels: {${many(n, (i) => `l${i}: x,`)}} } }\n`,
    requirements: (n: number) =>
      `${GOOD}    namespaces: { selector: { matchExpressions: [${many(n, (i) => `{ key: l${i}, operator: Exists },`)}] } }\n`,
    hosts: (n: number) =>
      `${GOOD}cacheProxies: [{ kind: zot, name: z, source: upstream, registry: r.corp, secret: { namespace: x, name: y }, hosts: [${many(n, (i) => `h${i}.corp,`)}] }]\n`,
    files: (n: number) =>
      `${GOOD}cacheProxies: [{ kind: template, name: z, source: upstream, registry: r.corp, secret: { namespace: x, name: y }, files: {${many(n, (i) => `f${i}: x,`)}} }]\n`,
  }),
)('one item too many of %s is one line', (list, text) => {
  const most = LISTS[list as keyof typeof LISTS];
  const say = `has ${most + 1} items, and at most ${most} are possible`;
  expect(lines(text(most + 1))).toEqual([expect.stringContaining(say)]);
  expect(lines(text(most)).join()).not.toContain('items, and at most');
});

test('the JSON Schema has the same limits', () => {
  const schema = JSON.stringify(configurationJsonSchema());
  for (const [list, most] of Object.entries(LISTS))
    expect(schema, list).toMatch(
      list === 'files' || list === 'labels' ? `"maxProperties":${most}` : `"maxItems":${most}`,
    );
});

test('of many mistakes the first are listed, and how many more there are', () => {
  const found = lines(GOOD + many(3000, (i) => `k${i}: 1\n`));
  expect(found).toHaveLength(MAX_PROBLEMS + 1);
  expect(found[0]).toMatch(/^c\.yaml:7:1: k0: is not a known key/);
  expect(found.at(-1)).toBe(`c.yaml:${7 + MAX_PROBLEMS}:1: and 2950 more from here on`);
});

test('a mistake in a long text is a short line', () => {
  const long = 'a'.repeat(100_000);
  for (const text of [
    `${GOOD}${long}: 1\n`,
    `${GOOD}cacheProxies: [{ source: ${long} }]\n`,
    `${GOOD}retiredCopyNames: [${long}, ${long}]\n`,
  ])
    for (const line of lines(text)) expect(line.length).toBeLessThan(1000);
});

describe('the worst that fits is read soon', () => {
  test.each<[name: string, text: string]>([
    ['unknown keys', GOOD + many(9_000, (i) => `k${i}: 1\n`)],
    ['the same key', GOOD + many(9_000, () => 'a: 1\n')],
    ['keys that come twice', `${GOOD}x: {${many(9_000, (i) => `k${i >> 1},`)}}\n`],
    ['aliases of one anchor', `${GOOD}x: &a 1\ny: [${many(9_000, () => '*a,')}]\n`],
    [
      'anchors, each with its alias',
      `${GOOD}x: [${many(4_500, (i) => `&a${i} 1,`)}]\ny: [${many(4_500, (i) => `*a${i},`)}]\n`,
    ],
    ['anchors in a chain', `${GOOD}x: [&a0 [1],${many(4_500, (i) => `&a${i + 1} [*a${i}],`)}]\n`],
    ['errors, a sign each', GOOD + '}'.repeat(60_000)],
    ['bad escapes', `${GOOD}x: "${filled('\\q')}"\n`],
    ['commas', `${GOOD}x: [${','.repeat(60_000)}]\n`],
    ['depth', `${GOOD}x: ${filled('[')}\n`],
    ['depth of blocks', `${GOOD}x:\n${many(500, (i) => `${' '.repeat(i + 1)}a:\n`)}`],
    ['empty documents', filled('---\n')],
    ['an endless line', `${GOOD}x: ${filled('a')}\n`],
    ['a huge anchor', `${GOOD}x: &${'a'.repeat(100_000)} 1\ny: *${'a'.repeat(100_000)}\n`],
    ['mappings with a list for a key', GOOD + many(4_000, (i) => `? [a${i}]\n: 1\n`)],
    [
      'aliases that fit to nothing',
      HEAD + `sources:\n${many(90, (i) => `${source(`s${i}`)}    aliases: [${'{},'.repeat(95)}]\n`)}`,
    ],
    [
      'hosts of kube-image-keeper against aliases',
      `${GOOD}    aliases:\n${many(100, (i) => `      - { host: "${'*a*.'.repeat(50)}a${i}.corp", from: x }\n`)}cacheProxies:\n${many(
        240,
        (i) =>
          `  - { name: p${i}, source: upstream, registry: r.corp, host: ${'aa.'.repeat(50)}h${i}.corp, kind: kube-image-keeper }\n`,
      )}`,
    ],
    [
      'namespaces against a guard of wildcards',
      `${GOOD}    namespaces: { allow: [${many(250, (i) => `"${'*a'.repeat(120)}?${i}",`)}] }\ncacheProxies:\n${many(
        250,
        (i) =>
          `  - { name: p${i}, source: upstream, kind: kube-fledged, object: { namespace: ${'a'.repeat(60)}, name: p } }\n`,
      )}`,
    ],
  ])('%s', (_, text) => {
    expect(text.length).toBeLessThanOrEqual(MAX_TEXT);
    const found = lines(text);
    expect(found.length).toBeGreaterThan(0);
    expect(found.length).toBeLessThanOrEqual(MAX_PROBLEMS + 1);
  });
});

test('what aliases multiply is counted before it is checked', () => {
  expect(lines(`${GOOD}x: &x [${'{},'.repeat(2_500)}]\naliases: [${'*x,'.repeat(900)}]\n`)).toEqual([
    expect.stringContaining(`has more than ${MAX_VALUES} values before here`),
  ]);
});

test('an anchor that contains itself is one line', () => {
  expect(lines(`${GOOD}x: &a [*a]\n`)).toEqual([
    expect.stringContaining('whose anchor ("&name") does not stand before it'),
  ]);
});

test('a schedule of few characters does not take for ever', () => {
  for (const cron of ['0-999999999 * * * *', '0-99999/1 * * * *', '*/100 * * * *', `${'1,'.repeat(200)}1 * * * *`])
    expect(isValidCron(cron)).toBe(false);
  expect(isValidCron('0,15,30,45 8-18 * jan-jun mon')).toBe(true);
});
