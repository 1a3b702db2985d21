import fc from 'fast-check';
import jsonpatch from 'fast-json-patch';
import { describe, expect, test } from 'vitest';
import { projectServiceAccount } from '../../src/observe/projections.ts';
import { ANNOTATION_ADDED, DEFAULT_NAMESPACE } from '../../src/names.ts';
import { planReferences, toJsonPatch } from '../../src/plan/service-account.ts';
import type { WantedReferences } from '../../src/plan/service-account.ts';
import { applyPatch, PatchRefused } from './json-patch.ts';
import { account } from './observations.ts';

/** A ServiceAccount as the API server keeps it: no empty list, no empty map. */
interface Live {
  metadata: {
    name: string;
    namespace: string;
    uid: string;
    resourceVersion: string;
    annotations?: Record<string, string>;
  };
  imagePullSecrets?: { name?: string }[];
}

const want = (wanted: string[], kept: string[] = []): WantedReferences => ({
  instance: DEFAULT_NAMESPACE,
  own: new Set(),
  wanted: new Set(wanted),
  kept: new Set(kept),
});

function live(list: readonly string[] | undefined, annotations?: Record<string, string>, uid = 'sa-uid'): Live {
  return stored({
    metadata: { name: 'default', namespace: 'team-a', uid, resourceVersion: '1', ...(annotations && { annotations }) },
    ...(list && { imagePullSecrets: list.map((name) => (name === '' ? {} : { name })) }),
  });
}

function stored({ metadata: { annotations, ...metadata }, imagePullSecrets }: Live): Live {
  return {
    metadata: { ...metadata, ...(annotations && Object.keys(annotations).length > 0 && { annotations }) },
    ...(imagePullSecrets && imagePullSecrets.length > 0 && { imagePullSecrets }),
  };
}

const names = ({ imagePullSecrets = [] }: Live): string[] => imagePullSecrets.map(({ name }) => name ?? '');
const recordOf = ({ metadata }: Live): string[] =>
  (metadata.annotations?.[ANNOTATION_ADDED] ?? '').split(',').filter((name) => name !== '');

/** One plan from `observed`, sent to `server`. */
function edit(observed: Live, wanted: WantedReferences, server = observed): Live {
  const seen = projectServiceAccount(observed);
  const planned = planReferences(seen, wanted);
  return planned === undefined ? server : stored(applyPatch(server, toJsonPatch(seen, planned)));
}

const OURS = ['a', 'b', 'c'];
const OTHERS = ['x', 'y', 'z.example', '__proto__', ''];
const anyOurs = fc.subarray(OURS);
/** Any list that anybody may have written: our names, names of others, nameless entries, each as often as they like. */
const anyList = fc.option(fc.array(fc.constantFrom(...OURS, ...OTHERS), { minLength: 1, maxLength: 7 }), {
  nil: undefined,
});
const anyAnnotations = fc.option(
  fc
    .record({
      note: fc.option(fc.constant('somebody'), { nil: undefined }),
      record: fc.option(anyOurs, { nil: undefined }),
    })
    .map(({ note, record }) => {
      const annotations: Record<string, string> = {};
      if (note !== undefined) annotations['team/no~te'] = note;
      if (record !== undefined && record.length > 0) annotations[ANNOTATION_ADDED] = record.join(',');
      return annotations;
    }),
  { nil: undefined },
);
const anyLive = fc.tuple(anyList, anyAnnotations).map(([list, annotations]) => live(list, annotations));
const anyWanted = fc.tuple(anyOurs, anyOurs).map(([wanted, kept]) => want(wanted, kept));

/** Of a list, the entries that are not ours: everything but the first by each recorded name. */
function othersOf(server: Live): string[] {
  const ours = new Set(recordOf(server));
  return names(server).filter((name) => !ours.delete(name));
}

describe('the edges', () => {
  const list = (length: number): string[] => ['a', ...Array.from({ length: length - 1 }, (_, i) => `s${i}`)];
  const paths = (observed: Parameters<typeof account>[0], wanted: WantedReferences): string[] => {
    const seen = account({ annotated: true, ...observed });
    const planned = planReferences(seen, wanted);
    return planned === undefined ? [] : toJsonPatch(seen, planned).map(({ op, path }) => `${op} ${path}`);
  };

  test('a list has room for what it lacks; what it has takes no more', () => {
    expect(planReferences(account({ pullSecrets: list(255) }), want(['a', 'b']))?.add).toEqual(['b']);
    expect(planReferences(account({ pullSecrets: list(255) }), want(['a', 'b', 'c']))).toBeUndefined();
  });

  test('a record of 4096 characters is believed, a longer one is not', () => {
    for (const length of [4096, 4097]) {
      const name = 'x'.repeat(length);
      const edit = planReferences(account({ pullSecrets: [name], added: name }), want([]));
      expect(edit?.remove).toEqual(length === 4096 ? [name] : undefined);
    }
  });

  test('what is removed is named in one order, wherever it stands', () => {
    expect(planReferences(account({ pullSecrets: ['b', 'a'], added: 'b,a' }), want([]))?.remove).toEqual(['a', 'b']);
  });

  test('only what changes is tested and written', () => {
    const record = '/metadata/annotations/pullpass.dev~1added-pull-secrets';
    const correction = ['test /metadata/uid', `test ${record}`, `remove ${record}`];
    expect(paths({ added: 'a' }, want([]))).toEqual(correction);
    expect(paths({ pullSecrets: ['x'], added: 'a' }, want([]))).toEqual(correction);
    expect(paths({ pullSecrets: ['x'], added: 'a' }, want(['a']))).toEqual([
      'test /metadata/uid',
      'test /imagePullSecrets',
      'add /imagePullSecrets/-',
    ]);
  });
});

describe('planReferences', () => {
  test.each<[string, Parameters<typeof account>[0], WantedReferences, ReturnType<typeof planReferences>]>([
    ['adds what is missing', {}, want(['b', 'a']), { add: ['a', 'b'], remove: [], record: ['a', 'b'] }],
    ['does nothing when it is there', { pullSecrets: ['a'], added: 'a' }, want(['a']), undefined],
    ['does not claim what somebody else added', { pullSecrets: ['a'] }, want(['a']), undefined],
    [
      'removes what it added',
      { pullSecrets: ['x', 'a'], added: 'a' },
      want([]),
      { add: [], remove: ['a'], record: [] },
    ],
    ['never removes what somebody else added', { pullSecrets: ['a'] }, want([]), undefined],
    [
      'adds again what somebody took away',
      { pullSecrets: ['x'], added: 'a' },
      want(['a']),
      { add: ['a'], remove: [], record: ['a'] },
    ],
    [
      'corrects the record of what is gone',
      { pullSecrets: ['x'], added: 'a,b' },
      want([]),
      { add: [], remove: [], record: [] },
    ],
    ['leaves alone what is to be kept', { pullSecrets: ['a'], added: 'a' }, want([], ['a']), undefined],
    ['does not add what is only to be kept', {}, want([], ['a']), undefined],
    [
      'removes names of sources that no configuration has any more',
      { pullSecrets: ['old', 'a'], added: 'a,old' },
      want(['a']),
      { add: [], remove: ['old'], record: ['a'] },
    ],
    ['reads a record that was written by hand', { pullSecrets: ['a'], added: ' a ,,' }, want(['a']), undefined],
  ])('%s', (_, observed, wanted, expected) => {
    expect(planReferences(account(observed), wanted)).toEqual(expected);
  });
});

describe('two installations', () => {
  const tools = (wanted: string[], own: string[] = []): WantedReferences => ({
    ...want(wanted),
    instance: 'tools',
    own: new Set(own),
  });

  test.each<[string, Parameters<typeof account>[0], WantedReferences, ReturnType<typeof planReferences>]>([
    ['name their entries, but the default one', {}, tools(['a']), { add: ['a'], remove: [], record: ['a@tools'] }],
    [
      'leave each other alone: the default one',
      { pullSecrets: ['a', 'b'], added: 'a@tools,b' },
      want([]),
      { add: [], remove: ['b'], record: ['a@tools'] },
    ],
    [
      'leave each other alone: the other one',
      { pullSecrets: ['a', 'b'], added: 'a@tools,b' },
      tools([]),
      { add: [], remove: ['a'], record: ['b'] },
    ],
    [
      'have nothing to do when both are in order',
      { pullSecrets: ['a', 'b'], added: 'a@tools,b' },
      tools(['a']),
      undefined,
    ],
    [
      'have nothing to do when both are in order',
      { pullSecrets: ['a', 'b'], added: 'a@tools,b' },
      want(['b']),
      undefined,
    ],
    [
      'keep what a third one wrote as it is',
      { pullSecrets: ['z', 'b'], added: 'b,z@x@y' },
      want([]),
      { add: [], remove: ['b'], record: ['z@x@y'] },
    ],
    [
      'take over their own entries of a version that named none',
      { pullSecrets: ['a', 'b'], added: 'a,b' },
      tools(['a'], ['a']),
      { add: [], remove: [], record: ['a@tools', 'b'] },
    ],
    [
      'remove them, too',
      { pullSecrets: ['a', 'b'], added: 'a,b' },
      tools([], ['a']),
      { add: [], remove: ['a'], record: ['b'] },
    ],
    ['take over nothing that is not surely theirs', { pullSecrets: ['a'], added: 'a' }, tools([]), undefined],
  ])('%s', (_, observed, wanted, expected) => {
    expect(planReferences(account(observed), wanted)).toEqual(expected);
  });

  test('write no record that is too long to be read', () => {
    const long = Array.from({ length: 16 }, (_, i) => `${String(i).padStart(3, '0')}${'x'.repeat(250)}`);
    const added = long.join(',');
    // With its name it would be longer than 4096 characters: it stays as it is, and nothing is added.
    expect(planReferences(account({ pullSecrets: long, added }), tools(long, long))).toBeUndefined();
    const more = planReferences(account({ pullSecrets: long, added }), tools([...long, 'y'.repeat(28)], []));
    expect(more).toBeUndefined();
  });

  test('come to rest from any record', () => {
    const part = fc.oneof(
      fc.constantFrom('a', 'b', 'a@tools', 'b@tools', 'c@pullpass-system', 'd@third', '@', 'a@', '@tools'),
      fc.string({ maxLength: 12 }),
    );
    const name = fc.constantFrom('a', 'b', 'c');
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 6 }),
        fc.uniqueArray(name),
        fc.uniqueArray(name),
        fc.uniqueArray(name),
        (record, list, mine, theirs) => {
          const wishes = [want(mine), tools(theirs.filter((each) => !mine.includes(each)))];
          let now = live(list, { [ANNOTATION_ADDED]: record.join(',') });
          for (let turn = 0; turn < 4; turn++) for (const wish of wishes) now = edit(now, wish);
          const settled = JSON.stringify(now);
          for (const wish of wishes) now = edit(now, wish);
          expect(JSON.stringify(now)).toBe(settled);
          const written = (now.metadata.annotations?.[ANNOTATION_ADDED] ?? '').split(',');
          for (const each of record
            .join(',')
            .split(',')
            .map((text) => text.trim()))
            if (each.endsWith('@third')) expect(written).toContain(each);
        },
      ),
    );
  });
});

describe('the patch', () => {
  test('carries the list, and is refused where the list is another one', () => {
    const seen = live(['x']);
    expect(() => edit(seen, want(['a']), live(['x', 'y']))).toThrow(PatchRefused);
    expect(() => edit(seen, want(['a']), live(undefined))).toThrow(PatchRefused);
    expect(() => edit(live(undefined), want(['a']), live(['y']))).toThrow(PatchRefused);
    expect(() => edit(seen, want(['a']), live(['x'], undefined, 'another-uid'))).toThrow(PatchRefused);
  });

  test('does not mind changes that are none of its business', () => {
    const changed = live(['x'], { 'team/note': 'hello' });
    expect(() => edit(live(['x']), want(['a']), changed)).toThrow(PatchRefused); // it would replace the map of annotations
    const seen = live(['x'], { 'team/note': 'hello' });
    const server = { ...live(['x'], { 'team/note': 'changed', more: 'too' }), secrets: [{ name: 'token' }] };
    expect(edit(seen, want(['a']), server)).toEqual(
      live(['x', 'a'], { 'team/note': 'changed', more: 'too', [ANNOTATION_ADDED]: 'a' }),
    );
  });

  test('of two entries by our name removes one: the other was written by somebody else', () => {
    expect(names(edit(live(['a', 'x', 'a'], { [ANNOTATION_ADDED]: 'a' }), want([])))).toEqual(['x', 'a']);
  });

  test.each(['a<b', 'a>b', 'a&b', 'a\u2028b'])(
    'beside %j, which the server cannot compare, tests the version of the whole object',
    (odd) => {
      for (const before of [live([odd]), live(['x'], { [ANNOTATION_ADDED]: `a,${odd}` })]) {
        const seen = projectServiceAccount(before);
        const planned = planReferences(seen, want(['b']));
        const patch = planned === undefined ? [] : toJsonPatch(seen, planned);
        expect(
          patch
            .filter(({ op }) => op === 'test')
            .map(({ path }) => path)
            .sort(),
        ).toEqual(['/metadata/resourceVersion', '/metadata/uid']);
        expect(() => applyPatch({ ...before, metadata: { ...before.metadata, resourceVersion: '2' } }, patch)).toThrow(
          PatchRefused,
        );
        expect(names(applyPatch(before, patch))).toEqual([...names(before), 'b']);
      }
    },
  );

  test('names the annotation as a JSON pointer must', () => {
    const observed = account({ annotated: true });
    const planned = planReferences(observed, want(['a']));
    expect(planned && toJsonPatch(observed, planned).map(({ path }) => path)).toContain(
      '/metadata/annotations/pullpass.dev~1added-pull-secrets',
    );
  });

  test('means the same to another implementation of RFC 6902', () => {
    fc.assert(
      fc.property(anyLive, anyWanted, (before, wanted) => {
        const seen = projectServiceAccount(before);
        const planned = planReferences(seen, wanted);
        if (planned === undefined) return;
        const patch = toJsonPatch(seen, planned);
        // fast-json-patch does not hold an absent member for null: leave out the tests, which pass here anyway.
        const changes = patch.filter(({ op }) => op !== 'test') as jsonpatch.Operation[];
        expect(jsonpatch.applyPatch(structuredClone(before), changes, true, true, false).newDocument).toEqual(
          applyPatch(before, patch),
        );
      }),
    );
  });
});

describe('whatever the list, the record and the wish', () => {
  test('one edit brings what is wanted, and the next plan is empty', () => {
    fc.assert(
      fc.property(anyLive, anyWanted, (before, wanted) => {
        const after = edit(before, wanted);
        for (const name of wanted.wanted) expect(names(after)).toContain(name);
        expect(recordOf(after).filter((name) => !wanted.wanted.has(name) && !wanted.kept.has(name))).toEqual([]);
        expect(planReferences(projectServiceAccount(after), wanted)).toBeUndefined();
      }),
      { numRuns: 1_000 },
    );
  });

  test('entries of others keep their order and their number', () => {
    fc.assert(
      fc.property(anyLive, anyWanted, (before, wanted) => {
        // Whose an entry is can change only by our taking one away or adding one.
        const added = [...wanted.wanted].filter((name) => !names(before).includes(name));
        const left = names(edit(before, wanted));
        const theirs = othersOf(before);
        let i = 0;
        for (const name of left) if (name === theirs[i]) i++;
        expect(theirs.slice(i)).toEqual([]);
        expect(left.length).toBeLessThanOrEqual(names(before).length + added.length);
      }),
      { numRuns: 1_000 },
    );
  });

  test('what is not in the record is never removed', () => {
    fc.assert(
      fc.property(anyList, anyWanted, (list, wanted) => {
        const before = live(list, { 'team/note': 'hello' });
        expect(names(edit(before, wanted)).slice(0, names(before).length)).toEqual(names(before));
      }),
    );
  });

  test('what is to be kept is neither added nor removed', () => {
    fc.assert(
      fc.property(anyLive, anyOurs, (before, kept) => {
        const after = edit(before, want([], kept));
        for (const name of kept)
          expect(names(after).filter((n) => n === name)).toEqual(names(before).filter((n) => n === name));
      }),
    );
  });

  test('opting in and out again restores what was there', () => {
    fc.assert(
      fc.property(anyList, fc.boolean(), anyOurs, anyOurs, (list, annotated, first, second) => {
        const before = live(list, annotated ? { 'team/note': 'hello' } : undefined);
        expect(edit(edit(edit(before, want(first)), want(second)), want([]))).toEqual(before);
      }),
    );
  });

  test('the record is sorted and names nothing twice, in whatever order sources come and go', () => {
    fc.assert(
      fc.property(fc.array(anyOurs, { minLength: 1, maxLength: 5 }), (wishes) => {
        const after = wishes.reduce((server, wish) => edit(server, want([...wish].reverse())), live(['x']));
        expect(recordOf(after)).toEqual([...(wishes.at(-1) ?? [])].sort());
      }),
    );
  });

  test('applied to what others have written meanwhile it is refused, or nothing of theirs is lost', () => {
    let refused = 0;
    let applied = 0;
    fc.assert(
      fc.property(anyLive, anyLive, fc.boolean(), anyWanted, (seen, other, same, wanted) => {
        const server = same ? seen : other;
        let after: Live;
        try {
          after = edit(seen, wanted, server);
          applied++;
        } catch (error) {
          expect(error).toBeInstanceOf(PatchRefused);
          refused++;
          return;
        }
        const theirs = othersOf(server);
        let i = 0;
        for (const name of names(after)) if (name === theirs[i]) i++;
        expect(theirs.slice(i)).toEqual([]);
        expect(after.metadata.annotations?.['team/no~te']).toBe(server.metadata.annotations?.['team/no~te']);
      }),
      { numRuns: 2_000 },
    );
    expect(refused).toBeGreaterThan(50);
    expect(applied).toBeGreaterThan(50);
  });
});
