/** The state machine of a rollout: every edge, by generated sequences of what can happen. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { accept, contentFor, looked, NOTHING, release, replaceCanaries } from '../../src/sources/rollout.ts';
import type { Canaries, Rollout } from '../../src/sources/rollout.ts';

interface Content {
  readonly digest: string;
}
const content = (digest: string): Content => ({ digest });
const CANARIES: Canaries = { namespaces: new Set(['canary']), proxies: new Set(['first']) };
const OTHERS: Canaries = { namespaces: new Set(['other']), proxies: new Set() };

type Event =
  | { readonly type: 'accept'; readonly digest: string; readonly canaries: Canaries | undefined }
  | { readonly type: 'looked'; readonly failing: readonly string[] }
  | { readonly type: 'replace'; readonly canaries: Canaries | undefined }
  | { readonly type: 'release' };

const step = (rollout: Rollout<Content>, event: Event): Rollout<Content> => {
  switch (event.type) {
    case 'accept':
      return accept(rollout, content(event.digest), event.canaries);
    case 'looked':
      return looked(rollout, event.failing);
    case 'replace':
      return replaceCanaries(rollout, event.canaries);
    case 'release':
      return release(rollout);
  }
};
const canaries = fc.constantFrom(CANARIES, OTHERS, undefined);
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('accept' as const), digest: fc.constantFrom('a', 'b', 'c'), canaries }),
  },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('looked' as const), failing: fc.subarray(['x', 'y']) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('replace' as const), canaries }) },
  { weight: 1, arbitrary: fc.constant({ type: 'release' as const }) },
);

test('whatever happens: who is no canary has only what passed, or what nobody had to pass; and every edge of the picture is walked', () => {
  const edges = new Set<string>();
  fc.assert(
    fc.property(fc.array(event, { minLength: 1, maxLength: 30 }), (events) => {
      let rollout: Rollout<Content> = NOTHING;
      /** Contents that everybody may have, by the rules of this test alone. */
      const passed = new Set<string>();
      let trial: { digest: string; before: readonly string[] | undefined } | undefined;
      for (const each of events) {
        const from = rollout;
        rollout = step(rollout, each);
        edges.add(`${from.stage.state} ${each.type} ${rollout.stage.state}`);
        switch (each.type) {
          case 'accept':
            if (each.digest === from.newest?.digest) break;
            if (each.canaries === undefined || each.digest === from.passed?.digest) passed.add(each.digest);
            trial = { digest: each.digest, before: undefined };
            break;
          case 'looked':
            if (trial === undefined) break;
            if (trial.before === undefined) trial.before = each.failing;
            else if (each.failing.every((line) => trial?.before?.includes(line))) passed.add(trial.digest);
            break;
          case 'replace':
            if (trial !== undefined) trial.before = undefined;
            if (each.canaries === undefined && rollout.newest !== undefined) passed.add(rollout.newest.digest);
            break;
          case 'release':
            if (rollout.newest !== undefined) passed.add(rollout.newest.digest);
        }
        const rest = contentFor(rollout, { namespace: 'nobody' });
        if (rest !== undefined) expect(passed).toContain(rest.digest);
        const { stage } = rollout;
        if (stage.state === 'settled')
          expect([contentFor(rollout, { namespace: 'canary' }), contentFor(rollout, { proxy: 'first' })]).toEqual([
            rollout.newest,
            rollout.newest,
          ]);
        // Nobody has it before it is known what fails anyway.
        if (stage.state === 'looking')
          for (const namespace of stage.canaries.namespaces)
            expect(contentFor(rollout, { namespace })).toEqual(rollout.passed);
        if (stage.state === 'canary' || stage.state === 'halted')
          for (const namespace of stage.canaries.namespaces)
            expect(contentFor(rollout, { namespace })).toEqual(rollout.newest);
      }
    }),
    { numRuns: 4_000 },
  );
  expect([...edges].sort()).toEqual([
    'canary accept canary',
    'canary accept looking',
    'canary accept settled',
    'canary looked halted',
    'canary looked settled',
    'canary release settled',
    'canary replace looking',
    'canary replace settled',
    'halted accept halted',
    'halted accept looking',
    'halted accept settled',
    'halted looked halted',
    'halted looked settled',
    'halted release settled',
    'halted replace looking',
    'halted replace settled',
    'looking accept looking',
    'looking accept settled',
    'looking looked canary',
    'looking release settled',
    'looking replace looking',
    'looking replace settled',
    'settled accept looking',
    'settled accept settled',
    'settled looked settled',
    'settled release settled',
    'settled replace settled',
  ]);
});

test('what failed before does not halt, what fails since does, and it goes on when that heals', () => {
  let rollout: Rollout<Content> = accept(accept<Content>(NOTHING, content('a'), undefined), content('b'), CANARIES);
  rollout = looked(rollout, ['x']);
  rollout = looked(rollout, ['x', 'y']);
  expect(rollout).toMatchObject({
    stage: { state: 'halted', why: ['y'] },
    passed: { digest: 'a' },
    newest: { digest: 'b' },
  });
  expect(looked(rollout, ['x'])).toEqual({ passed: content('b'), newest: content('b'), stage: { state: 'settled' } });
});

test('halted and mended, the rest goes on from what last passed; halted and taken back, everybody has that at once', () => {
  const halted = looked(
    looked(accept<Content>(accept<Content>(NOTHING, content('a'), undefined), content('b'), CANARIES), []),
    ['y'],
  );
  expect(accept(halted, content('c'), CANARIES)).toMatchObject({
    passed: { digest: 'a' },
    newest: { digest: 'c' },
    stage: { state: 'looking' },
  });
  expect(accept(halted, content('a'), CANARIES)).toEqual({
    passed: content('a'),
    newest: content('a'),
    stage: { state: 'settled' },
  });
});
