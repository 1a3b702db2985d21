/** The writer against an API server that a test plays: which guards are sent, and what becomes of every answer. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { apiErrorOf, isNamespaceTerminating } from '../../src/kube/api-error.ts';
import { projectServiceAccount } from '../../src/observe/projections.ts';
import type { Action, EditReferences } from '../../src/plan/action.ts';
import { planReferences } from '../../src/plan/service-account.ts';
import { createApplier } from '../../src/reconcile/apply.ts';
import { refusal, scriptedClient } from '../kube/scripted-client.ts';
import type { Call } from '../kube/scripted-client.ts';
import { applyPatch } from '../plan/json-patch.ts';
import { configuration, sourceConfig } from '../plan/observations.ts';
import { base64, dockerConfig, putCopy, rawAccount, rawSecret, worldFor } from '../sources/worlds.ts';
import { LostRaceError, SupersededError } from '../../src/kube/races.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

const PASSWORD = 'hunter2-is-the-password';
const CONTENT = base64(dockerConfig(PASSWORD));
const target = { namespace: 'team-a', name: 'regcred', source: 'upstream', digest: 'd' };
const guard = { uid: 'copy-uid', resourceVersion: '7' };
const CREATE: Action = { type: 'createCopy', ...target };
const UPDATE: Action = { type: 'updateCopy', ...target, ...guard };
const REPLACE: Action = { type: 'replaceCopy', why: 'type', ...target, ...guard };
const DELETE: Action = { type: 'deleteCopy', namespace: 'team-a', name: 'regcred', ...guard };
const PATH = '/api/v1/namespaces/team-a/secrets/regcred';

function edits(
  raw: ReturnType<typeof rawAccount>,
  wanted: string[],
  kept: string[] = [],
  keepRest = false,
): EditReferences {
  const account = projectServiceAccount(raw);
  const references = {
    instance: 'pullpass-system',
    own: new Set<string>(),
    wanted: new Set(wanted),
    kept: new Set(kept),
    keepRest,
  };
  const edit = planReferences(account, references);
  if (edit === undefined) throw new Error('nothing to do');
  return { type: 'editReferences', account, edit, wanted: references };
}

function applier(answer: (call: Call) => unknown, content: () => string | undefined = () => CONTENT) {
  const { client, calls } = scriptedClient(answer);
  const world = worldFor(configuration([sourceConfig()]));
  const writer = createApplier({ client, world, content });
  /** Applies with time passing, and gives back what it threw, if it did. */
  const run = async (action: Action, signal = new AbortController().signal): Promise<unknown> => {
    const done = writer.apply(action, signal).then(
      () => undefined,
      (error: unknown) => error,
    );
    await vi.advanceTimersByTimeAsync(60_000);
    return done;
  };
  return { world, calls, run, copy: () => world.copies.get('regcred')?.get('team-a', 'regcred') };
}
const throws = (error: unknown) => (): never => {
  throw error as Error;
};

describe('a copy', () => {
  const written = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': CONTENT },
  };
  const metadata = {
    name: 'regcred',
    namespace: 'team-a',
    labels: {
      'app.kubernetes.io/managed-by': 'pullpass',
      'pullpass.dev/source': 'upstream',
      'pullpass.dev/instance': 'pullpass-system',
    },
  };
  const answer = rawSecret({ resourceVersion: '8', content: dockerConfig(PASSWORD), source: 'upstream' });

  test('is created unforced and unguarded, so that a Secret that came up meanwhile is not overwritten', async () => {
    const { calls, run, copy } = applier(() => answer);
    expect(await run(CREATE)).toBeUndefined();
    expect(calls).toEqual([
      {
        verb: 'patch',
        path: PATH,
        type: 'application/apply-patch+yaml',
        query: { fieldManager: 'pullpass', force: false },
        sensitive: true,
        accept: undefined,
        body: { ...written, metadata },
      },
    ]);
    expect(copy()).toMatchObject({ resourceVersion: '8', ours: true, source: 'upstream' });
  });

  test('is written also where nobody watches copies of that name', async () => {
    const { world, calls, run } = applier(() => answer);
    world.copies.clear();
    expect(await run(CREATE)).toBeUndefined();
    expect(calls).toHaveLength(1);
  });

  test('is updated forced, and only the very object that was seen', async () => {
    const { calls, run } = applier(() => answer);
    await run(UPDATE);
    expect(calls).toEqual([
      expect.objectContaining({
        verb: 'patch',
        query: { fieldManager: 'pullpass', force: true },
        body: { ...written, metadata: { ...metadata, ...guard } },
        sensitive: true,
      }),
    ]);
  });

  test('is deleted only as the very object that was seen, and is known to be gone at once', async () => {
    const { world, calls, run, copy } = applier(() => ({}));
    putCopy(world, rawSecret());
    expect(await run(DELETE)).toBeUndefined();
    expect(calls).toEqual([
      expect.objectContaining({
        verb: 'delete',
        path: PATH,
        body: { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: guard },
        sensitive: true,
      }),
    ]);
    expect(copy()).toBeUndefined();
  });

  test('that objects may name is deleted only when they have let go of it', async () => {
    const { client, calls } = scriptedClient(() => ({}));
    const released = Promise.withResolvers<void>();
    const named: object[] = [];
    const writer = createApplier({
      client,
      world: worldFor(configuration([sourceConfig()])),
      content: () => CONTENT,
      consumers: {
        removeCopy: async (of, remove) => {
          named.push(of);
          await released.promise;
          await remove();
        },
      },
    });
    const deleting = writer.apply(DELETE, new AbortController().signal);
    await vi.advanceTimersByTimeAsync(1_000);
    expect([named, calls]).toEqual([[DELETE], []]);
    released.resolve();
    await deleting;
    expect(calls.map(({ verb, path }) => `${verb} ${path}`)).toEqual([`delete ${PATH}`]);
  });

  test('that is gone already needs no deletion', async () => {
    const { world, run, copy } = applier(throws(refusal(404)));
    putCopy(world, rawSecret());
    expect(await run(DELETE)).toBeUndefined();
    expect(copy()).toBeUndefined();
  });

  test('of the wrong type is deleted and created', async () => {
    const { calls, run, copy } = applier(({ verb }) =>
      verb === 'delete' ? {} : { ...answer, metadata: { ...answer.metadata, uid: 'another' } },
    );
    await run(REPLACE);
    expect(calls.map(({ verb, query }) => [verb, query['force']])).toEqual([
      ['delete', undefined],
      ['patch', false],
    ]);
    expect(copy()?.uid).toBe('another');
  });

  test('of the wrong type is not created anew where it could not be deleted', async () => {
    const { calls, run } = applier(throws(refusal(409)));
    expect(await run(REPLACE)).toMatchObject({ code: 409 });
    expect(calls).toHaveLength(1);
  });

  test('is kept in the world as it was when a write fails', async () => {
    for (const action of [UPDATE, DELETE]) {
      const { world, run, copy } = applier(throws(refusal(409)));
      putCopy(world, rawSecret());
      expect(await run(action)).toMatchObject({ code: 409 });
      expect(copy()?.resourceVersion).toBe('7');
    }
  });

  test('of a source that went out of the configuration meanwhile is planned again', async () => {
    const { calls, run } = applier(
      () => answer,
      () => undefined,
    );
    expect(await run(UPDATE)).toBeInstanceOf(SupersededError);
    expect(calls).toEqual([]);
  });

  test('in a namespace that is being deleted fails as such', async () => {
    const { run } = applier(throws(refusal(403, { details: { causes: [{ reason: 'NamespaceTerminating' }] } })));
    expect(isNamespaceTerminating(await run(CREATE))).toBe(true);
  });
});

describe('references', () => {
  /** A ServiceAccount on a server; `meanwhile` runs before each patch. */
  function account(
    raw: ReturnType<typeof rawAccount>,
    meanwhile: (live: ReturnType<typeof rawAccount>, attempt: number) => void = () => undefined,
  ) {
    let live = structuredClone(raw);
    let version = 100;
    let attempts = 0;
    const made = applier(({ verb, body }) => {
      if (verb === 'get') return live;
      meanwhile(live, ++attempts);
      try {
        live = applyPatch(live, body as Parameters<typeof applyPatch>[1]);
      } catch {
        throw refusal(422, {
          reason: 'Invalid',
          message: 'the server rejected our request due to an error in our request',
        });
      }
      live.metadata.resourceVersion = String(version++);
      return live;
    });
    return { ...made, live: () => live, list: () => live.imagePullSecrets?.map(({ name }) => name) };
  }

  test('are added with one patch, and the world knows at once', async () => {
    const a = account(rawAccount(['x']));
    expect(await a.run(edits(rawAccount(['x']), ['regcred']))).toBeUndefined();
    expect(a.calls).toEqual([
      expect.objectContaining({
        verb: 'patch',
        path: '/api/v1/namespaces/team-a/serviceaccounts/default',
        type: 'application/json-patch+json',
        query: { fieldManager: 'pullpass' },
      }),
    ]);
    expect(a.world.serviceAccounts.get('team-a', 'default')).toMatchObject({
      pullSecrets: ['x', 'regcred'],
      added: 'regcred',
    });
  });

  test('that somebody else writes at the same time lose nothing', async () => {
    const a = account(rawAccount(['x']), (live, attempt) => {
      if (attempt <= 3) live.imagePullSecrets = [...(live.imagePullSecrets ?? []), { name: `other-${attempt}` }];
    });
    expect(await a.run(edits(rawAccount(['x']), ['regcred']))).toBeUndefined();
    expect(a.list()).toEqual(['x', 'other-1', 'other-2', 'other-3', 'regcred']);
  });

  test('that are only added take nothing away, whatever the record says by the time that the race is run again', async () => {
    const a = account(rawAccount(['x', 'old'], { added: '' }), (live, attempt) => {
      if (attempt === 1) Object.assign(live, rawAccount(['x', 'old', 'y'], { added: 'old' }));
    });
    expect(await a.run(edits(rawAccount(['x', 'old']), ['regcred'], [], true))).toBeUndefined();
    expect([a.list(), a.live().metadata.annotations]).toEqual([
      ['x', 'old', 'y', 'regcred'],
      { 'pullpass.dev/added-pull-secrets': 'old,regcred' },
    ]);
  });

  test('are tried five times, and then left to the queue', async () => {
    const a = account(rawAccount(['x']), (live, attempt) => {
      live.imagePullSecrets = [{ name: `other-${attempt}` }];
    });
    expect(await a.run(edits(rawAccount(['x']), ['regcred']))).toBeInstanceOf(LostRaceError);
    expect(a.calls.filter(({ verb }) => verb === 'patch')).toHaveLength(5);
    expect(a.list()).toEqual(['other-5']);
  });

  test('a 409 is tried again with the same patch', async () => {
    let conflicts = 2;
    const a = account(rawAccount(['x']), () => {
      if (conflicts-- > 0) throw refusal(409);
    });
    expect(await a.run(edits(rawAccount(['x']), ['regcred']))).toBeUndefined();
    expect(a.list()).toEqual(['x', 'regcred']);
  });

  test('that a policy refuses are not tried again and again: nobody was quicker', async () => {
    const a = account(rawAccount(['x']), () => {
      throw refusal(422, { reason: 'Invalid', message: 'ValidatingAdmissionPolicy denied request' });
    });
    expect(await a.run(edits(rawAccount(['x']), ['regcred']))).toMatchObject({
      code: 422,
      message: expect.stringContaining('ValidatingAdmissionPolicy') as string,
    });
    expect(a.calls.map(({ verb }) => verb)).toEqual(['patch', 'get']);
  });

  test('next to an entry that no test can hold for equal: what changed is a race all the same', async () => {
    // The server writes "<" as \u003c, so that the whole object's version is tested instead.
    const seen = rawAccount(['a<b']);
    let tries = 0;
    const a = applier(({ verb, body }) => {
      if (verb === 'get') return { ...seen, metadata: { ...seen.metadata, resourceVersion: '2' } };
      if (++tries === 1) throw refusal(422);
      return { ...seen, metadata: { ...seen.metadata, resourceVersion: '3' }, sent: body };
    });
    expect(await a.run(edits(seen, ['regcred']))).toBeUndefined();
    expect(a.calls.map(({ verb }) => verb)).toEqual(['patch', 'get', 'patch']);
  });

  test('that somebody else brought into order meanwhile need no write', async () => {
    const a = account(rawAccount(['x']), (live) => {
      live.imagePullSecrets = [{ name: 'regcred' }];
    });
    expect(await a.run(edits(rawAccount(['x']), ['regcred']))).toBeUndefined();
    expect(a.calls.map(({ verb }) => verb)).toEqual(['patch', 'get']);
    expect(a.live().metadata.annotations).toBeUndefined();
  });

  test('of a ServiceAccount that is another one by the same name, or changed its mind, are planned again', async () => {
    for (const other of [rawAccount(['y'], { uid: 'another' }), rawAccount(['y'], { sync: 'disabled' })]) {
      const a = account(other);
      expect(await a.run(edits(rawAccount(['x']), ['regcred']))).toBeInstanceOf(SupersededError);
      expect(a.list()).toEqual(['y']);
      expect(a.world.serviceAccounts.get('team-a', 'default')?.pullSecrets).toEqual(['y']); // the next plan sees it
    }
  });

  test('of a ServiceAccount that is gone are no failure, before and between the tries', async () => {
    expect(await applier(throws(refusal(404))).run(edits(rawAccount([]), ['regcred']))).toBeUndefined();
    expect(
      await applier(({ verb }) => {
        throw refusal(verb === 'get' ? 404 : 422);
      }).run(edits(rawAccount([]), ['regcred'])),
    ).toBeUndefined();
  });

  test.each([400, 403, 429, 500])('a %i is a failure at once', async (code) => {
    const { calls, run } = applier(throws(refusal(code)));
    expect(await run(edits(rawAccount([]), ['regcred']))).toMatchObject({ code });
    expect(calls).toHaveLength(1);
  });
});

describe('once leadership may have ended', () => {
  test('nothing is sent any more', async () => {
    for (const action of [CREATE, UPDATE, REPLACE, DELETE, edits(rawAccount([]), ['regcred'])]) {
      const { calls, run } = applier(() => ({}));
      expect(await run(action, AbortSignal.abort())).toBeInstanceOf(Error);
      expect(calls).toEqual([]);
    }
  });

  test('a call in flight is cut, and no further try is made', async () => {
    const fence = new AbortController();
    const { calls, run } = applier(() => {
      fence.abort();
      throw refusal(422);
    });
    expect(await run(edits(rawAccount(['x']), ['regcred']), fence.signal)).toBeInstanceOf(Error);
    expect(calls.filter(({ verb }) => verb === 'patch')).toHaveLength(1);
  });
});

test('no credential is in any error, not even when the server repeats everything that it was sent', async () => {
  for (const code of [400, 401, 403, 404, 409, 413, 422, 429, 500, 503]) {
    for (const action of [CREATE, UPDATE, REPLACE, DELETE]) {
      const { run } = applier(({ verb, path, body, sensitive }) => {
        if (verb === 'delete' && action.type === 'replaceCopy') return {};
        const echo = JSON.stringify({
          message: JSON.stringify(body),
          reason: JSON.stringify(body),
          details: { causes: [{ message: CONTENT }] },
        });
        throw apiErrorOf(`${verb} ${path}`, code, echo, undefined, sensitive);
      });
      const error = await run(action);
      const text =
        error instanceof Error ? `${error.message}${error.stack}${JSON.stringify(error)}${String(error.cause)}` : '';
      for (const leak of [PASSWORD, CONTENT, base64(`robot:${PASSWORD}`)]) expect(text).not.toContain(leak);
    }
  }
});
