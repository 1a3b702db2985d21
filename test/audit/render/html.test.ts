/** The report as a page: what is in it, and that nothing of a cluster can be more than text there. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createReport } from '../../../src/audit/report/create.ts';
import type { PageData } from '../../../src/audit/page/data.ts';
import { SCRIPT, STYLE } from '../../../src/audit/page/assets.ts';
import { html, jsonIsland, prose, textOf } from '../../../src/audit/page/markup.ts';
import { pageData } from '../../../src/audit/page/view.ts';
import { CONTENT_SECURITY_POLICY, META_POLICY, renderHtml } from '../../../src/audit/render/html.ts';
import type { Report } from '../../../src/audit/report/report.ts';
import { broken, empty, hostile, inOrder, large, unseen } from '../../page/reports.ts';
import { HOSTILE, PASSWORD } from '../hostile.ts';
import { auditedSource, badSource, goodScope, observation } from '../observations.ts';
import { namespace, scope, source } from '../../plan/observations.ts';

const REPORTS = {
  broken: broken(),
  hostile: hostile(),
  large: large(300, 200),
  'in order': inOrder(),
  empty: empty(),
  unseen: unseen(),
};
const cases = Object.entries(REPORTS).map(([name, report]) => ({
  name,
  report,
  page: renderHtml(report, { version: '1.2.3' }),
}));

const island = (page: string): PageData =>
  JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page)?.[1] ?? '') as PageData;
/** Without what is ours and always the same. */
const content = (page: string): string => page.replace(STYLE, '').replace(SCRIPT, '');
const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Every string of a report that others wrote, replaced. */
function poisoned(report: Report, poison: string): Report {
  const ours = new Set([
    'apiVersion',
    'kind',
    'generatedAt',
    'at',
    'rule',
    'id',
    'severity',
    'state',
    'copy',
    'why',
    'event',
    'access',
    'verified',
    'expiresAt',
  ]);
  const walk = (value: unknown, key: string): unknown => {
    if (Array.isArray(value)) return value.map((each) => walk(each, key));
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([name, held]) => [name, walk(held, name)]));
    return typeof value === 'string' && !ours.has(key) ? poison : value;
  };
  return walk(report, '') as Report;
}

describe.each(cases)('the page of a cluster that is $name', ({ report, page }) => {
  test('has nothing that a browser would fetch, run or apply, but its own script and style', () => {
    const rest = content(page);
    expect(rest).not.toMatch(
      /<(?:iframe|object|embed|img|base|form [^>]*action)|<link(?! rel="icon" href="data:)|\s(?:style|on\w+|src|action|formaction|srcset)=/i,
    );
    expect(
      [...rest.matchAll(/href="([^"]*)"/g)]
        .map(([, href = '']) => href)
        .filter((href) => !/^#[\w-]+$/.test(href) && !href.startsWith('data:image/svg+xml,')),
    ).toEqual([]);
    expect(rest.match(/<script/g)).toHaveLength(2);
    expect(STYLE).not.toMatch(/url\(|@import|<\//);
    expect(SCRIPT).not.toMatch(/<\/|<!--|https?:/);
  });

  test('carries a policy with the hashes of what is in it', () => {
    const [, style = ''] = /<style>(.*?)<\/style>/s.exec(page) ?? [];
    const [, script = ''] = /<script>(.*?)<\/script>/s.exec(page) ?? [];
    const [, policy] = /<meta http-equiv="Content-Security-Policy" content="([^"]*)">/.exec(page) ?? [];
    expect(policy).toBe(META_POLICY);
    expect(policy).toContain(`script-src ${hash(script)};`);
    expect(policy).toContain(`style-src ${hash(style)};`);
    expect(policy).toMatch(/^default-src 'none';/);
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
  });

  test('is the same for the same report, ends with a line break and shows no credential', () => {
    expect(renderHtml(structuredClone(report), { version: '1.2.3' })).toBe(page);
    expect(page.endsWith('</html>\n')).toBe(true);
    expect(page).not.toContain(PASSWORD);
  });

  test('holds all rows for its script', () => {
    const data = island(page);
    expect(data.groups.flatMap(({ findings }) => findings)).toHaveLength(report.findings.length);
    expect(data.namespaces.map(({ name }) => name)).toEqual(report.namespaces.map(({ name }) => name));
  });

  test('names every id once, and links only to what is there', () => {
    const ids = [...content(page).matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
    expect(ids.length).toBe(new Set(ids).size);
    for (const [, target] of content(page).matchAll(/(?:href="#|aria-labelledby="|list="|<label for=")([^"]+)"/g))
      expect(ids).toContain(target);
  });
});

test('the header also keeps the page out of frames', () => {
  expect(CONTENT_SECURITY_POLICY).toBe(`${META_POLICY}; frame-ancestors 'none'`);
});

describe('what others wrote', () => {
  const poisons = [
    HOSTILE,
    '</script><script>alert(1)</script>',
    '<!--<script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    'javascript:alert(1)',
    '__proto__',
    '\u2028\u2029\u202e\u0000\ufeff',
    'ש'.repeat(50),
    'w'.repeat(10_000),
  ];

  test.each(poisons)('stays text in every field: %j', (poison) => {
    const report = poisoned(broken(), poison);
    const clean = content(renderHtml(poisoned(broken(), 'x')));
    const page = content(renderHtml(report));
    const tags = (text: string): string[] =>
      [...text.replace(/<script type="application\/json".*?<\/script>/s, '').matchAll(/<\/?[a-z][a-z0-9]*/gi)]
        .map(([tag]) => tag)
        .filter((tag) => !/code/.test(tag));
    expect(tags(page)).toEqual(tags(clean));
    expect(page).not.toMatch(/[^\P{Cc}\n]|[\p{Zl}\p{Zp}\p{Bidi_Control}]/u);
    expect(island(page).namespaces).toHaveLength(report.namespaces.length);
  });

  test('is escaped, flat and bounded', () => {
    expect(textOf(html`<p title="${'"\'<&>'}">${'a\n\u202eb'}</p>`)).toBe(
      '<p title="&quot;&#39;&lt;&amp;&gt;">a b</p>',
    );
    expect(textOf(html`${'x'.repeat(5000)}`)).toHaveLength(2003);
    expect(textOf(prose('a `<b>` c `d'))).toBe('a <code>&lt;b&gt;</code> c d');
  });

  test('cannot end the JSON that it stands in', () => {
    const json = textOf(jsonIsland(['</script><!--&', { key: '\u2028' }]));
    expect(json).not.toMatch(/[<>&\u2028\u2029]/);
    expect(JSON.parse(json)).toEqual(['</script><!--&', { key: '' }]);
  });
});

describe('a broken cluster', () => {
  const page = renderHtml(REPORTS.broken);
  const { findings, rules, registries, sources, proxies } = REPORTS.broken;

  test('is told from the top: the verdict, then a line a rule, then all findings', () => {
    expect(page).toContain('<span>Pulls fail, or will. <small>6 errors, 2 warnings, 4 notes</small></span>');
    for (const { id, title } of rules)
      expect(page).toMatch(new RegExp(`<a href="#${id}">.*${title.replaceAll("'", '&#39;')}`));
    for (const { message } of findings) expect(page).toContain(textOf(html`${message}`));
    expect(page.indexOf('id="state"')).toBeLessThan(page.indexOf('id="wrong-title"'));
    expect(page.indexOf('id="wrong-title"')).toBeLessThan(page.indexOf('id="PP001"'));
    expect(page.indexOf('id="PP001"')).toBeLessThan(page.indexOf('id="PP024"'));
  });

  test('has a cell a namespace and source, in words', () => {
    const cells = new Map(
      pageData(REPORTS.broken).namespaces.map(({ name, level, cells: [cell] }) => [
        name,
        [level, cell?.tone, cell?.word, cell?.references],
      ]),
    );
    expect(cells.get('shop')).toEqual(['error', 'error', 'in sync, not referenced', '1/2 refs']);
    expect(cells.get('billing')).toEqual(['error', 'error', 'missing', '1/1 refs']);
    expect(cells.get('legacy')).toEqual(['error', 'error', 'foreign', '0/1 refs']);
    expect(cells.get('kube-extra')).toEqual(['warning', 'warning', 'denied', '']);
    expect(cells.get('stranger')).toEqual(['error', 'none', 'not opted in', '']);
    expect(cells.get('sandbox')).toEqual(['none', 'none', 'not opted in', '']);
    expect(cells.get('payments')).toEqual(['ok', 'ok', 'in sync', '1/1 refs']);
  });

  test('gives an example a rule, and counts the other objects, not their findings', () => {
    const examples = (report: Report): string[] =>
      [...renderHtml(report).matchAll(/<span class="example">([^<]*)/g)].map(([, text = '']) => text);
    expect(examples(REPORTS.broken)).toEqual(
      expect.arrayContaining(['Secret billing/regcred', 'Deployment shop/web, and 1 more']),
    );
    const twice = {
      ...REPORTS.broken,
      findings: findings.flatMap((finding) => [finding, { ...finding, message: 'And something else.' }]),
    };
    expect(examples(twice)).toEqual(examples(REPORTS.broken));
  });

  test('has every registry, source, step of the rotation and cache proxy', () => {
    for (const { registry, uncoveredOwners } of registries)
      for (const text of [registry, ...uncoveredOwners.map(({ kind, name }) => `${kind} ${name}`)])
        expect(page).toContain(text);
    const steps = sources.flatMap(({ rotation }) => rotation.timeline);
    expect(steps.length).toBeGreaterThan(10);
    expect(page.match(/<tr><td><time/g)).toHaveLength(steps.length);
    expect(page.match(/<rect class="step"/g)).toHaveLength(steps.filter(({ event }) => event === 'copies').length);
    for (const { name, url } of proxies) for (const text of [name, url ?? '']) expect(page).toContain(text);
  });
});

describe('a large cluster', () => {
  const report = large(2000, 1500);
  const page = renderHtml(report);

  test('is served in part, every rule with its share, and says so', () => {
    expect(page.match(/<p class="message">/g)?.length).toBeLessThanOrEqual(501);
    expect(page.match(/for which this page needs JavaScript; /g)).toHaveLength(3);
    expect(page).toContain('The first 100 of 2,000; for the others');
    expect(page.match(/<tr><th scope="row"><a/g)).toHaveLength(101);
  });

  test('is a map of few elements', () => {
    expect(page.match(/<path class="level"/g)).toHaveLength(4);
    expect(page.match(/M\d+ \d+h9v9/g)).toHaveLength(1501);
  });
});

describe('where there is nothing to tell', () => {
  test('a cluster in order says that there is nothing to do', () => {
    expect(renderHtml(REPORTS['in order'])).toContain('Nothing is wrong: there is nothing to do.');
  });
  test('a source without its Secret is not a rotation that is complete', () => {
    const page = renderHtml(createReport(observation({ sources: [badSource('missing')], pullSecrets: new Map() })));
    expect(page).toContain('nothing to spread yet');
    expect(page).not.toMatch(/<h4>Rotation <span[^>]*data-tone="ok"/);
    expect(renderHtml(REPORTS['in order'])).toMatch(/<h4>Rotation <span[^>]*data-tone="ok"/);
    expect(renderHtml(createReport(observation({ sources: [badSource('unread')] })))).toMatch(
      /<h4>Rotation <span[^>]*data-tone="unknown"/,
    );
  });
  test('no configuration says how to give one', () => {
    const page = renderHtml(REPORTS.empty);
    expect(page).toContain('No configuration was given. <code>pullpass audit --config FILE -o html</code>');
    expect(page).toContain('No namespace was seen.');
    expect(page).toContain('No pods were seen, so no registry is in use.');
  });
  test('what could not be seen is not called good', () => {
    const page = renderHtml(REPORTS.unseen);
    expect(page).toContain('Nothing is wrong with what could be seen.');
    expect(page).toContain('so it is unknown which registries are used');
    expect(page).toContain('id="not-seen"');
  });
  test('an audit of one namespace says so', () => {
    expect(renderHtml(createReport(observation({ only: ['team-a'] })))).toContain(
      'only namespace <span class="code" data-slot="only">team-a</span>',
    );
  });
});

test('a step of a rotation without a time is left out of the drawing', () => {
  const [upstream, ...others] = REPORTS.broken.sources;
  if (upstream === undefined) throw new Error('the broken cluster has a source');
  const timeline = upstream.rotation.timeline.map((entry, i) => (i === 2 ? { ...entry, at: 'soon' } : entry));
  const page = renderHtml({
    ...REPORTS.broken,
    sources: [{ ...upstream, rotation: { ...upstream.rotation, timeline } }, ...others],
  });
  expect(content(page)).not.toContain('NaN');
  expect(page.match(/<tr><td><time/g)).toHaveLength(timeline.length - 1);
});

describe('a namespace that a guard does not admit', () => {
  const only = (name: string, ...allow: string[]) =>
    auditedSource({
      observed: source({ config: { name, copyName: `${name}-login`, namespaces: { allow, deny: [] } } }),
    });
  const { namespaces } = pageData(
    createReport(
      observation({
        sources: [auditedSource(), only('ci', 'ci-*'), only('edge', 'edge-*')],
        scopes: [
          goodScope(),
          goodScope({ namespace: namespace({ name: 'team-b', sources: 'upstream,ci' }) }),
          scope({ namespace: namespace({ name: 'kube-extra' }) }),
          scope({ namespace: namespace({ name: 'typo', sync: 'yes' }) }),
        ],
        workloads: [],
      }),
    ),
  );
  const row = (name: string) => namespaces.find((each) => each.name === name);
  const cells = (name: string): unknown => row(name)?.cells.map(({ tone, word }) => [tone, word]);

  test('is in order where another source serves it', () => {
    expect(cells('team-a')).toEqual([
      ['ok', 'in sync'],
      ['none', 'denied'],
      ['none', 'denied'],
    ]);
    expect(row('team-a')).toMatchObject({ level: 'ok', warnings: 0 });
  });
  test('has a warning where it asked for that very source, or gets nothing at all', () => {
    expect(cells('team-b')).toEqual([
      ['ok', 'in sync'],
      ['warning', 'denied'],
      ['none', 'not listed'],
    ]);
    expect(row('team-b')).toMatchObject({ level: 'warning', warnings: 1 });
    expect(cells('kube-extra')).toEqual([
      ['warning', 'denied'],
      ['warning', 'denied'],
      ['warning', 'denied'],
    ]);
    expect(row('kube-extra')).toMatchObject({ level: 'warning', warnings: 1 });
  });
  test('is told from one whose annotation means nothing', () => {
    expect(cells('typo')).toEqual([
      ['warning', 'bad annotation'],
      ['warning', 'bad annotation'],
      ['warning', 'bad annotation'],
    ]);
    expect(row('typo')).toMatchObject({ level: 'warning', warnings: 1 });
  });
});

describe('what is not known', () => {
  const credential = (part: { unknown: number; uncovered: number }): string | undefined => {
    const registry = {
      registry: 'registry.corp',
      access: 'unknown' as const,
      pods: 2,
      images: 1,
      covered: 0,
      credentials: [],
      proxies: [],
      failing: 0,
      uncoveredOwners: [],
      ...part,
    };
    return /<dt>Credential<\/dt><dd>([^<]*)</.exec(renderHtml({ ...REPORTS['in order'], registries: [registry] }))?.[1];
  };
  test('of a registry is not said to be none', () => {
    expect([
      credential({ unknown: 2, uncovered: 0 }),
      credential({ unknown: 1, uncovered: 1 }),
      credential({ unknown: 0, uncovered: 2 }),
    ]).toEqual(['not known', 'not known', 'none']);
  });
  test('of a login is whether anything uses it', () => {
    expect(renderHtml(REPORTS.unseen)).toMatch(/<th scope="col">Used<\/th>.*<td>not known<\/td><\/tr>/s);
  });
  test('of cache proxies is listed where it can be', () => {
    expect(renderHtml(REPORTS.unseen)).toContain('or none was looked at: see <a href="#not-seen">');
    expect(renderHtml(REPORTS['in order'])).toContain('or none was looked at.');
  });
});

describe('commands in backticks', () => {
  const [first, ...others] = REPORTS.broken.findings;
  if (first === undefined) throw new Error('the broken cluster has findings');
  const findings = [
    { ...first, message: 'A `message` of others.', remedy: 'See `kubectl describe pod`, `<img src=x>`.' },
    ...others,
  ];
  const page = renderHtml({
    ...REPORTS.broken,
    findings,
    rules: REPORTS.broken.rules.map((rule) => ({ ...rule, cause: 'Asked by `kubelet`.' })),
    couldNotSee: ['Secrets: use `pullpass audit`', '`<b>`'],
  });

  test('are code in remedies, causes and what could not be seen', () => {
    expect(page).toContain('See <code>kubectl describe pod</code>, <code>&lt;img src=x&gt;</code>.');
    expect(page).toContain('<p>Asked by <code>kubelet</code>.</p>');
    expect(page).toContain('<li>Secrets: use <code>pullpass audit</code></li><li><code>&lt;b&gt;</code></li>');
  });
  test('are text in messages', () => {
    expect(page).toContain('A `message` of others.');
  });
});

describe('a rotation whose copies', () => {
  const SECOND = 1000;
  const HOUR = 3600 * SECOND;
  /** With a copy so long after the change each, one namespace each. */
  const drawn = (
    ...written: number[]
  ): { steps: number; rows: number; said: string | undefined; note: string | undefined } => {
    const [upstream] = REPORTS['in order'].sources;
    if (upstream === undefined) throw new Error('the cluster in order has a source');
    const start = Date.parse('2026-01-01T00:00:00Z');
    const at = (ms: number): string => new Date(start + ms).toISOString();
    const timeline = [
      { at: at(0), event: 'source changed' as const },
      ...written.map((ms, i) => ({ at: at(ms), event: 'copies' as const, copies: i + 1 })),
    ];
    const page = renderHtml({
      ...REPORTS['in order'],
      sources: [
        {
          ...upstream,
          rotation: { ...upstream.rotation, copies: written.length, copiesDone: written.length, timeline },
        },
      ],
    });
    return {
      steps: page.match(/<rect class="step"/g)?.length ?? 0,
      rows: page.match(/<tr><td><time/g)?.length ?? 0,
      said: /aria-label="Rotation of source \S+ (over [^.]*) have/.exec(page)?.[1],
      note: /<p class="note">(\d.*?)<\/p>/.exec(page)?.[1],
    };
  };

  test('came one after another is drawn to its end', () => {
    expect(drawn(2 * SECOND, 5 * SECOND, 50 * 60 * SECOND)).toEqual({
      steps: 3,
      rows: 4,
      said: 'over 50 minutes: 3 of 3 copies',
      note: undefined,
    });
  });
  test('came after a pause of more than an hour, too, is drawn up to that', () => {
    const rest = 'after an hour without a copy, what is written is mostly for namespaces that opted in since.';
    expect(drawn(2 * SECOND, 5 * SECOND, 5 * SECOND + HOUR)).toMatchObject({ steps: 3, note: undefined });
    expect(drawn(2 * SECOND, 5 * SECOND, 6 * SECOND + HOUR)).toEqual({
      steps: 2,
      rows: 4,
      said: 'over 5 seconds: 3 of 3 copies',
      note: `1 more copy came later after 1 hour, and is not drawn: ${rest}`,
    });
    expect(drawn(2 * SECOND, 5 * SECOND, 48 * HOUR, 480 * HOUR)).toMatchObject({
      steps: 2,
      note: `2 more copies came later, the last after 20 days, and are not drawn: ${rest}`,
    });
  });
  test('all came late is drawn all the same', () => {
    expect(drawn(3 * HOUR, 3 * HOUR + SECOND)).toMatchObject({
      steps: 2,
      note: undefined,
      said: 'over 3 hours: 2 of 2 copies',
    });
  });
});

test('large numbers of pods are written as everywhere on the page', () => {
  const base = broken();
  const registries = base.registries.map((registry) => ({ ...registry, pods: 1_200 }));
  const page = content(renderHtml({ ...base, registries }));
  expect(page).toContain('1,200 pods');
  expect(page).not.toContain('1200 pods');
});
