/** What is told of a source, and where: the log, and an Event on its Secret. */
import { describe, expect, test } from 'vitest';
import { createLog } from '../../src/log.ts';
import { announceSources, remindOfSources } from '../../src/sources/news.ts';
import { source, sourceConfig } from '../plan/observations.ts';
import type { SourceChange } from '../../src/sources/known-source.ts';

const SECRET = { apiVersion: 'v1', kind: 'Secret', namespace: 'pullpass-system', name: 'upstream-registry' };
const LAST_GOOD = 'The last good content stays in force for what is named here.';
const NOTHING = 'Nothing is copied until it is mended.';

const change = (parts: Partial<SourceChange>): SourceChange => ({
  source: sourceConfig(),
  problems: [],
  isNews: false,
  hasLastGood: true,
  ...parts,
});
const accepted = { first: false, registries: ['a.test', 'b.test'], warnings: [] };

function recorder() {
  const events: unknown[] = [];
  return {
    events,
    record: (event: unknown) => void events.push(event),
    resolve: (regarding: unknown, reason?: string) => void events.push({ resolved: reason, regarding }),
  };
}

function announce(...changes: SourceChange[]) {
  const lines: string[] = [];
  const { events, ...tellers } = recorder();
  const log = createLog('debug', {
    write: (line) => {
      const { level, msg, source: name, secret } = JSON.parse(line) as Record<string, string>;
      expect([name, secret]).toEqual(['upstream', 'pullpass-system/upstream-registry']);
      lines.push(`${level}: ${msg}`);
    },
  });
  announceSources(changes, { log, events: tellers });
  return { lines, events };
}

test('the first content is a line in the log, and nobody needs an Event for it', () => {
  const { lines, events } = announce(change({ accepted: { ...accepted, first: true } }));
  expect([lines, events]).toEqual([['info: source read'], []]);
});

test('a changed content is an Event too, which names the registries whose login is new', () => {
  const { lines, events } = announce(change({ accepted: { ...accepted, warnings: ['an odd key'] } }));
  expect(lines).toEqual(['info: source changed: spreading the new content', 'warn: an odd key']);
  expect(events).toEqual([
    {
      regarding: SECRET,
      type: 'Normal',
      reason: 'SourceAccepted',
      action: 'Rotate',
      note: 'New content accepted, spreading it: a.test, b.test',
    },
  ]);
});

describe('what is wrong', () => {
  const problems = ['is no JSON', 'has no auths'];

  test.each([
    [true, LAST_GOOD],
    [false, NOTHING],
  ])('is a line each and one Event, with what follows from it; a good content before: %s', (hasLastGood, then) => {
    const { lines, events } = announce(change({ problems, isNews: true, hasLastGood }));
    expect(lines).toEqual(problems.map((problem) => `warn: source refused: ${problem}. ${then}`));
    expect(events).toEqual([
      { resolved: 'SourceInvalid', regarding: SECRET },
      {
        regarding: SECRET,
        type: 'Warning',
        reason: 'SourceInvalid',
        action: 'ReadSource',
        note: `is no JSON; has no auths. ${then}`,
      },
    ]);
  });

  test('is told once: with a content that is accepted beside the same problems nothing of it is said again', () => {
    const { lines, events } = announce(change({ problems: ['is no JSON'], accepted }));
    expect(lines).toEqual(['info: source changed: spreading the new content']);
    expect(events).toMatchObject([{ reason: 'SourceAccepted' }]);
  });

  test('and is no more, takes back the Event; a line says so, unless a new content says it already', () => {
    const resolved = { resolved: 'SourceInvalid', regarding: SECRET };
    const mended = announce(change({ isNews: true }));
    expect([mended.lines, mended.events]).toEqual([
      ['info: source is good again, its content is the one in force'],
      [resolved],
    ]);
    const changed = announce(change({ isNews: true, accepted }));
    expect(changed.lines).toEqual(['info: source changed: spreading the new content']);
    expect(changed.events).toEqual([expect.objectContaining({ reason: 'SourceAccepted' }), resolved]);
  });

  test('and is another, takes back the Event before: what waits to be written must be true', () => {
    const { events } = announce(change({ problems, isNews: true }));
    expect(events).toEqual([
      { resolved: 'SourceInvalid', regarding: SECRET },
      expect.objectContaining({ reason: 'SourceInvalid' }),
    ]);
  });

  test('at thousands of entries has twenty lines in the log, and one for the rest', () => {
    const many = Array.from({ length: 3_000 }, (_, i) => `entry ${i} is wrong`);
    const { lines } = announce(change({ problems: many, isNews: true }));
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toBe(`warn: source refused: and 2980 more like these. ${LAST_GOOD}`);
  });

  test('at one source keeps no other from being told', () => {
    const { lines } = announce(change({}), change({ isNews: true }), change({ problems, isNews: true }));
    expect(lines).toHaveLength(3);
  });
});

test('a reminder says again what is wrong, and takes back what is not', () => {
  const { events, ...tellers } = recorder();
  remindOfSources(
    [
      source({ problems: ['is no JSON'] }),
      source({ problems: ['is no JSON'], digest: undefined }),
      source({ problems: [] }),
    ],
    tellers,
    () => undefined,
  );
  const well = { resolved: 'InvalidAnnotation', regarding: SECRET };
  expect(events).toEqual([
    well,
    expect.objectContaining({ regarding: SECRET, reason: 'SourceInvalid', note: `is no JSON. ${LAST_GOOD}` }),
    well,
    expect.objectContaining({ regarding: SECRET, reason: 'SourceInvalid', note: `is no JSON. ${NOTHING}` }),
    well,
    { resolved: 'SourceInvalid', regarding: SECRET },
  ]);
});

describe('an annotation that does not count', () => {
  const doubt = 'Secret pullpass-system/upstream-registry: annotation pullpass.dev/expires-at is not a time';
  const told: unknown = expect.objectContaining({
    regarding: SECRET,
    type: 'Warning',
    reason: 'InvalidAnnotation',
    note: `${doubt}. Until then it is not known when the login ends.`,
  });

  test('is a line and an Event, and is no problem of what is in force', () => {
    const { lines, events } = announce(change({ doubt }));
    expect(lines).toEqual([`warn: it is not known when the login ends: ${doubt}`]);
    expect(events).toEqual([{ resolved: 'InvalidAnnotation', regarding: SECRET }, told]);
  });

  test('is told again by reminders, and taken back when it counts', () => {
    const { events, ...tellers } = recorder();
    remindOfSources([source()], tellers, () => doubt);
    expect(events).toContainEqual(told);
    expect(announce(change({ doubt: null }))).toEqual({
      lines: [],
      events: [{ resolved: 'InvalidAnnotation', regarding: SECRET }],
    });
  });
});
