import { describe, expect, test } from 'vitest';
import { metadataText } from '../../src/config/copy-metadata.ts';
import { isAsWanted, planCopy, planRemoval } from '../../src/plan/copy.ts';
import type { CopyPlan } from '../../src/plan/copy.ts';
import type { ObservedCopy } from '../../src/plan/observed.ts';
import { noteOf } from '../../src/plan/problem.ts';
import type { Choice } from '../../src/plan/selection.ts';
import { copy, namespace, source } from './observations.ts';

const IN: Choice = { in: true, why: 'enabled' };
const OUT: Choice = { in: false, why: 'disabled' };

/** `state; what is written; what it means for references; what is told`, each where there is something to say. */
function short({ state, action, references, problem }: CopyPlan): string {
  return [state, action?.type, `references ${references}`, problem?.reason]
    .filter((part) => part !== undefined)
    .join('; ');
}

const KEPT = { terminating: true, finalizers: ['example.com/keep'] } as const;
const COPIES = {
  'no copy': undefined,
  'a copy in sync': copy(),
  'a stale copy': copy({ digest: 'old' }),
  'a copy without content': copy({ digest: undefined }),
  'a copy of another source': copy({ source: 'other' }),
  'a copy of the wrong type': copy({ type: 'Opaque', digest: undefined }),
  'a copy going away': copy({ terminating: true }),
  'a copy of no installation': copy({ instance: undefined }),
  'an immutable copy': copy({ immutable: true }),
  'a stale immutable copy': copy({ immutable: true, digest: 'old' }),
  'an immutable copy of another source': copy({ immutable: true, source: 'other' }),
  'a kept copy': copy(KEPT),
  'a stale kept copy': copy({ ...KEPT, digest: 'old' }),
  'a stale immutable kept copy': copy({ ...KEPT, immutable: true, digest: 'old' }),
  'a kept copy of the wrong type': copy({ ...KEPT, type: 'Opaque' }),
  "another installation's copy": copy({ ours: false, other: 'instance', instance: 'tools', adopt: true }),
  'a kept foreign Secret to adopt': copy({ ...KEPT, ours: false, adopt: true }),
  'an immutable foreign Secret to adopt': copy({ ours: false, adopt: true, immutable: true, digest: 'theirs' }),
  'an immutable foreign Secret to adopt with the content': copy({ ours: false, adopt: true, immutable: true }),
  'a foreign Secret': copy({ ours: false, source: undefined }),
  'a foreign Secret to adopt': copy({ ours: false, source: undefined, adopt: true }),
  'a foreign Secret to adopt, of the wrong type': copy({ ours: false, adopt: true, type: 'Opaque' }),
  'a foreign Secret going away': copy({ ours: false, terminating: true }),
} satisfies Record<string, ObservedCopy | undefined>;
type Copies = keyof typeof COPIES;

describe('in a namespace that is in, with a source that has a good content', () => {
  test.each<[Copies, string]>([
    ['no copy', 'missing; createCopy; references add'],
    ['a copy in sync', 'in sync; references add'],
    ['a stale copy', 'stale; updateCopy; references add'],
    ['a copy without content', 'stale; updateCopy; references add'],
    ['a copy of another source', 'stale; updateCopy; references add'],
    ['a copy of the wrong type', 'stale; replaceCopy; references add'],
    ['a copy going away', 'terminating; references keep'],
    ['a copy of no installation', 'in sync; updateCopy; references add'],
    ['an immutable copy', 'in sync; references add'],
    ['a stale immutable copy', 'stale; replaceCopy; references add'],
    ['an immutable copy of another source', 'stale; updateCopy; references add'],
    ['a kept copy', 'in sync; references keep; CopyBlocked'],
    ['a stale kept copy', 'stale; updateCopy; references keep; CopyBlocked'],
    ['a stale immutable kept copy', 'blocked; references keep; CopyBlocked'],
    ['a kept copy of the wrong type', 'blocked; references keep; CopyBlocked'],
    ["another installation's copy", 'foreign; references keep; SecretNotOurs'],
    ['a kept foreign Secret to adopt', 'foreign; references keep; CopyBlocked'],
    ['an immutable foreign Secret to adopt', 'foreign; references keep; SecretNotOurs'],
    ['an immutable foreign Secret to adopt with the content', 'stale; updateCopy; references add'],
    ['a foreign Secret', 'foreign; references keep; SecretNotOurs'],
    ['a foreign Secret to adopt', 'stale; updateCopy; references add'],
    ['a foreign Secret to adopt, of the wrong type', 'foreign; references keep; SecretNotOurs'],
    ['a foreign Secret going away', 'terminating; references keep'],
  ])('%s: %s', (state, expected) => {
    expect(short(planCopy(namespace(), source(), IN, COPIES[state], false))).toBe(expected);
  });
});

describe('in a namespace that is in, with a source that never had a good content', () => {
  test.each<[Copies, string]>([
    ['no copy', 'unavailable; references keep'],
    ['a copy in sync', 'in sync; references add'],
    ['a stale copy', 'in sync; references add'],
    ['a copy of the wrong type', 'in sync; references add'],
    ['a copy of no installation', 'in sync; references add'],
    ['a stale immutable copy', 'in sync; references add'],
    ['a kept copy', 'in sync; references keep; CopyBlocked'],
    ['a copy going away', 'terminating; references keep'],
    ['a foreign Secret', 'foreign; references keep; SecretNotOurs'],
    ['a foreign Secret to adopt', 'foreign; references keep'],
  ])('%s: %s', (state, expected) => {
    expect(
      short(
        planCopy(
          namespace(),
          source({ digest: undefined, problems: ['Secret x: does not exist'] }),
          IN,
          COPIES[state],
          false,
        ),
      ),
    ).toBe(expected);
  });

  test('the namespace is told nothing, whether it is tried or has a problem: it has its own Event', () => {
    for (const problems of [[], ['Secret x: does not exist']])
      expect(
        planCopy(namespace(), source({ digest: undefined, problems }), IN, undefined, false).problem,
      ).toBeUndefined();
  });
});

describe('in a namespace that is out', () => {
  test.each<[Copies, 'remove' | 'retain', string]>([
    ['no copy', 'remove', 'none; references remove'],
    ['a copy in sync', 'remove', 'leftover; deleteCopy; references remove'],
    ['a stale copy', 'remove', 'leftover; deleteCopy; references remove'],
    ['a copy of another source', 'remove', 'leftover; deleteCopy; references remove'],
    ['a copy of the wrong type', 'remove', 'leftover; deleteCopy; references remove'],
    ['a copy going away', 'remove', 'terminating; references remove'],
    ['a kept copy', 'remove', 'blocked; references remove; CopyBlocked'],
    ["another installation's copy", 'remove', 'none; references remove'],
    ['a foreign Secret', 'remove', 'none; references remove'],
    ['a foreign Secret to adopt', 'remove', 'none; references remove'],
    ['no copy', 'retain', 'none; references remove'],
    ['a copy in sync', 'retain', 'retained; references freeze'],
    ['a stale copy', 'retain', 'retained; references freeze'],
    ['a copy going away', 'retain', 'retained; references freeze'],
    ['a foreign Secret', 'retain', 'none; references freeze'],
  ])('%s, %s: %s', (state, onOptOut, expected) => {
    for (const digest of ['new', undefined]) {
      expect(short(planCopy(namespace(), source({ digest, config: { onOptOut } }), OUT, COPIES[state], false))).toBe(
        expected,
      );
    }
  });
});

describe('a source that was not read yet', () => {
  test.each(Object.keys(COPIES) as Copies[])('changes nothing: %s', (state) => {
    for (const choice of [IN, OUT])
      expect(
        short(planCopy(namespace(), source({ read: false, digest: undefined }), choice, COPIES[state], false)),
      ).toBe('unavailable; references freeze');
  });
});

describe('in the namespace of the source, under its own name', () => {
  const at = (state: Copies, choice: Choice, onOptOut: 'remove' | 'retain' = 'remove') =>
    short(
      planCopy(
        namespace(),
        source({ config: { secret: { namespace: 'team-a', name: 'regcred' }, onOptOut } }),
        choice,
        COPIES[state],
        true,
      ),
    );

  test('the source itself is referenced and never written, whatever labels it carries', () => {
    for (const state of [
      'a copy in sync',
      'a stale copy',
      'a copy of the wrong type',
      'a foreign Secret',
      'a foreign Secret to adopt',
    ] as const) {
      expect(at(state, IN)).toBe('source; references add');
      expect(at(state, OUT)).toBe('none; references remove');
      expect(at(state, OUT, 'retain')).toBe('none; references freeze');
    }
  });

  test('a source that is not there, or is going away, is not referenced', () => {
    expect(at('no copy', IN)).toBe('source; references keep');
    expect(at('a copy going away', IN)).toBe('source; references keep');
  });
});

describe('where the copy would have the place of another source', () => {
  test('nothing is written or removed, not even where labels say that it is ours', () => {
    for (const state of Object.keys(COPIES) as Copies[]) {
      expect(short(planCopy(namespace(), source(), IN, COPIES[state], true))).toBe(
        'foreign; references keep; SecretNotOurs',
      );
      expect(short(planCopy(namespace(), source(), OUT, COPIES[state], true))).toBe('none; references remove');
    }
  });
});

describe('what is told is about the object that somebody has to change, and says how', () => {
  const SECRET = { kind: 'Secret', namespace: 'team-a', name: 'regcred', uid: 'copy-uid' };
  test.each<[string, Partial<ObservedCopy>, RegExp]>([
    ['a Secret of others', {}, /^A Secret that Pullpass did not make .* Delete or rename it, or annotate it /],
    [
      'one to adopt, of the wrong type',
      { adopt: true, type: 'Opaque' },
      /did not make .* It is to be adopted, but is of type "Opaque", which cannot be changed: delete it\.$/,
    ],
    [
      'the login of a cache proxy',
      { other: 'login' },
      /has for something else .* It holds the login of a cache proxy /,
    ],
  ])('%s', (_, parts, note) => {
    const found = copy({ ours: false, source: undefined, ...parts });
    const { problem } = planCopy(namespace(), source(), IN, found, false);
    expect(problem).toMatchObject({ reason: 'SecretNotOurs', object: SECRET });
    expect(problem && noteOf(problem)).toMatch(note);
  });

  test('a place that the configuration names', () => {
    const { uid: _, ...place } = SECRET;
    expect(planCopy(namespace(), source(), IN, copy(), true).problem).toMatchObject({ object: place });
  });
});

describe('labels and annotations of the configuration', () => {
  const metadata = { labels: { team: 'a', app: 'x' }, annotations: { note: 'b' } };
  const planned = (parts: Partial<ObservedCopy>, given: typeof metadata | undefined): string =>
    short(planCopy(namespace(), source({ config: { copyMetadata: given } }), IN, copy(parts), false));
  const text = metadataText({ annotations: { note: 'b' }, labels: { app: 'x', team: 'a' } }) ?? '';

  test.each<[string, Partial<ObservedCopy>, typeof metadata | undefined, string]>([
    ['the copy has them', { metadata: text }, metadata, 'in sync; references add'],
    ['the copy has none', {}, metadata, 'in sync; updateCopy; references add'],
    ['the copy has others', { metadata: `${text}x` }, metadata, 'in sync; updateCopy; references add'],
    ['the configuration has none any more', { metadata: text }, undefined, 'in sync; updateCopy; references add'],
    [
      'the copy is immutable: that is its content',
      { immutable: true },
      metadata,
      'in sync; updateCopy; references add',
    ],
    ['the copy is going away', { terminating: true }, metadata, 'terminating; references keep'],
    ['the copy is stale, too', { digest: 'old' }, metadata, 'stale; updateCopy; references add'],
  ])('%s', (_, parts, given, expected) => {
    expect(planned(parts, given)).toBe(expected);
  });

  test('are part of what is written', () => {
    const { action } = planCopy(namespace(), source({ config: { copyMetadata: metadata } }), IN, undefined, false);
    expect(action).toMatchObject({ type: 'createCopy', metadata });
  });

  test('a copy of a source that never had a good content is left as it is', () => {
    const never = source({ config: { copyMetadata: metadata }, digest: undefined });
    expect(short(planCopy(namespace(), never, IN, copy(), false))).toBe('in sync; references add');
  });
});

describe('what is written', () => {
  test('is for the very object that was seen', () => {
    expect(planCopy(namespace(), source(), IN, COPIES['a stale copy'], false).action).toEqual({
      type: 'updateCopy',
      namespace: 'team-a',
      name: 'regcred',
      source: 'upstream',
      digest: 'new',
      uid: 'copy-uid',
      resourceVersion: '7',
    });
    expect(planCopy(namespace(), source(), OUT, COPIES['a stale copy'], false).action).toEqual({
      type: 'deleteCopy',
      namespace: 'team-a',
      name: 'regcred',
      uid: 'copy-uid',
      resourceVersion: '7',
    });
  });

  test('has no guard where there was nothing', () => {
    expect(planCopy(namespace(), source(), IN, undefined, false).action).toEqual({
      type: 'createCopy',
      namespace: 'team-a',
      name: 'regcred',
      source: 'upstream',
      digest: 'new',
    });
  });
});

test.each<[Copies, string]>([
  ['no copy', 'none; references remove'],
  ['a copy in sync', 'leftover; deleteCopy; references remove'],
  ['a copy going away', 'terminating; references remove'],
  ['a foreign Secret', 'none; references remove'],
  ['a foreign Secret to adopt', 'none; references remove'],
])('under a retired name, %s: %s', (state, expected) => {
  expect(short(planRemoval(COPIES[state]))).toBe(expected);
});

test('what is in the way is named, with who can do something about it', () => {
  const told = (name: Copies): string | undefined => {
    const { problem } = planCopy(namespace(), source(), IN, COPIES[name], false);
    return problem && noteOf(problem);
  };
  expect(told('a stale kept copy')).toBe(
    'The Secret is being deleted, and is kept by finalizer "example.com/keep". ' +
      'Whoever set a finalizer must finish its work, or remove it; then Pullpass goes on by itself.',
  );
  expect(told("another installation's copy")).toBe(
    'Another installation of Pullpass (controller namespace "tools") has the Secret with the name of the copy of source ' +
      '"upstream": it is left alone, and pods that name it pull with what it holds. ' +
      'Give the source another copyName, or remove one of the two installations; if the ' +
      'other is gone already, remove the label pullpass.dev/instance from the Secret.',
  );
  expect(told('an immutable foreign Secret to adopt')).toContain('is immutable: delete it');
});

describe('a copy that was just written', () => {
  const metadata = { labels: { team: 'a' }, annotations: {} };
  const wanted = {
    type: 'createCopy',
    namespace: 'team-a',
    name: 'regcred',
    source: 'upstream',
    digest: 'new',
  } as const;

  test('needs nothing more if all of it is as it was to be', () => {
    expect(isAsWanted(copy(), wanted, 'pullpass-system')).toBe(true);
    expect(
      isAsWanted(copy({ metadata: metadataText(metadata) ?? '' }), { ...wanted, metadata }, 'pullpass-system'),
    ).toBe(true);
  });

  test.each([
    { digest: 'of somebody else' },
    { digest: undefined },
    { type: 'Opaque' },
    { ours: false },
    { source: 'another' },
    { instance: 'another' },
    { instance: undefined },
    { terminating: true },
    { metadata: 'of an older configuration' },
  ])('is looked at again with %o', (parts) => {
    expect(isAsWanted(copy(parts), wanted, 'pullpass-system')).toBe(false);
  });
});
