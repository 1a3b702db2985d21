/** The forms of a report that are text. */
import draft04 from 'ajv-draft-04';
import formats from 'ajv-formats';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { createReport } from '../../../src/audit/report/create.ts';
import { TEXT_OUTPUTS } from '../../../src/audit/render/formats.ts';
import { renderReport } from '../../../src/audit/render/outputs.ts';
import { escape } from '../../../src/audit/render/markdown.ts';
import { toSarif } from '../../../src/audit/render/sarif.ts';
import { columns, wrap } from '../../../src/audit/render/layout.ts';
import { namespace, scope } from '../../plan/observations.ts';
import { HOSTILE, PASSWORD, hostileCluster } from '../hostile.ts';
import { goodScope, observation, workload } from '../observations.ts';
import { sarifShape } from '../sarif-shape.ts';

const plain = { color: false } as const;
const hostile = createReport(hostileCluster());

test.each(TEXT_OUTPUTS)('%s ends with a line break and shows no credential', (output) => {
  const text = renderReport(hostile, { output, ...plain });
  expect(text.endsWith('\n')).toBe(true);
  expect(text).not.toContain(PASSWORD);
});

describe('table', () => {
  test('of a cluster in order says so on top', () => {
    expect(renderReport(createReport(observation()), { output: 'table', ...plain })).toBe(
      [
        'Audit of cluster.example:6443 at 2026-03-01T12:00:00.000Z',
        '',
        '✓ No findings: nothing is wrong.',
        '  1 source; 1 of 1 namespace opted in; 1 of 1 copies in sync; 1 of 1 ServiceAccount reference in place',
        '  2 pods, none of which fails to pull; 1 image from 1 registry',
        '',
        'REGISTRY   PODS  IMAGES  WITH CREDENTIAL  CREDENTIAL                             CACHE PROXY  FAILING',
        'docker.io  2     1       2/2              https://index.docker.io/v1/ (regcred)',
        '',
      ].join('\n'),
    );
  });

  test('gives each finding its line and each remedy once', () => {
    const text = renderReport(
      createReport(
        observation({
          scopes: [scope(), scope({ namespace: namespace({ name: 'b' }), serviceAccounts: [] })],
          workloads: [],
        }),
      ),
      { output: 'table', ...plain },
    );
    expect(text).toContain('✗ 3 errors: pulls fail, or will.');
    expect(text).toContain(
      '  PP001 A copy is missing\n    Copy "regcred" of source "upstream" is missing: pods in b cannot pull with it.\n    Copy',
    );
    expect(text.match(/→/g)).toHaveLength(2);
  });

  test.each([40, 60, 80, 120])('keeps to %i columns, but for single words that are longer', (width) => {
    const lines = renderReport(hostile, { output: 'table', color: false, width })
      .split('\n')
      .filter((line) => line.length > width);
    expect(lines.filter((line) => line.trimStart().replace(/^→ /, '').includes(' '))).toEqual([]);
  });

  test('lets nothing of a tenant reach the terminal', () => {
    expect(renderReport(hostile, { output: 'table', ...plain })).not.toMatch(/[^\P{C}\n]|[\p{Zl}\p{Zp}]/u);
  });

  test('shows the first of many and says how many more there are', () => {
    const scopes = Array.from({ length: 500 }, (_, i) =>
      scope({ namespace: namespace({ name: `ns-${i}` }), serviceAccounts: [] }),
    );
    const text = renderReport(createReport(observation({ scopes, workloads: [] })), { output: 'table', ...plain });
    expect(text).toContain('and 490 more: -o json lists them all');
    expect(text.split('\n').length).toBeLessThan(60);
  });

  test('colours only where it is asked to', () => {
    expect(renderReport(hostile, { output: 'table', color: true })).toContain('\u001b[');
  });
});

describe('text', () => {
  test('wraps at spaces and hangs', () => {
    expect(wrap('aaa bbb ccc ddd', 9, '  ', '    ')).toEqual(['  aaa bbb', '    ccc', '    ddd']);
  });
  test('cuts the widest column', () => {
    expect(
      columns(
        [
          ['a', 'x'.repeat(50)],
          ['b', 'y'],
        ],
        20,
        (cell) => cell,
      ),
    ).toEqual([`a  ${'x'.repeat(16)}…`, 'b  y']);
  });
});

describe('markdown', () => {
  test('escapes everything that a forge would make something of', () => {
    const escaped = escape(HOSTILE);
    expect(escaped).not.toMatch(/\n|[^\\][|`*[]|<(?!!-- -->)/);
    expect(escaped).toContain('@<!-- -->everyone');
    expect(escaped).toContain('https:<!-- -->//evil');
    expect(escape('see #12 and www.evil.example')).toBe('see \\#<!-- -->12 and www<!-- -->.evil.example');
  });
  test('keeps every table row to its columns', () => {
    const rows = renderReport(hostile, { output: 'markdown', ...plain })
      .split('\n')
      .filter((line) => line.startsWith('|'));
    for (const row of rows) expect([3, 7]).toContain(row.replace(/\\\||\\\\/g, '').split('|').length - 1);
  });
});

describe('sarif', () => {
  test('is valid by the official schema of SARIF 2.1.0', () => {
    const schema = JSON.parse(
      readFileSync(
        createRequire(import.meta.url).resolve('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json'),
        'utf8',
      ),
    ) as object;
    const ajv = new draft04.default({ strict: false, allErrors: true, unicodeRegExp: false });
    formats.default(ajv);
    const validate = ajv.compile(schema);
    for (const report of [hostile, createReport(observation()), { ...hostile, couldNotSee: [] }]) {
      validate(JSON.parse(renderReport(report, { output: 'sarif', version: '1.2.3', ...plain })));
      expect(validate.errors).toBeNull();
    }
    // The schema is not one that lets everything through.
    expect(validate({ version: '2.1.0', runs: [{ results: [] }] })).toBe(false);
  });

  test('has the shape of SARIF 2.1.0', () => {
    for (const report of [hostile, createReport(observation())])
      expect(
        sarifShape.parse(JSON.parse(renderReport(report, { output: 'sarif', version: '1.2.3', ...plain }))),
      ).toBeDefined();
  });
  test('knows a fault again when its numbers changed, and not another one', () => {
    const fingerprints = (pods: number, name = 'web') =>
      toSarif(
        createReport(
          observation({
            scopes: [goodScope()],
            workloads: [workload({ pullSecrets: [], pods, owner: { kind: 'Deployment', name } })],
          }),
        ),
      ).runs[0]?.results.map(({ partialFingerprints }) => partialFingerprints);
    expect(fingerprints(2)).toEqual(fingerprints(900));
    expect(fingerprints(2)).not.toEqual(fingerprints(2, 'api'));
  });
});
