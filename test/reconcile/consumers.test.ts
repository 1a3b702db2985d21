/** What names a copy, and what becomes of the copy: with objects that a test plays. */
import { describe, expect, test } from 'vitest';
import { retryAfter } from '../../src/retry.ts';
import { isPassing } from '../../src/errors.ts';
import { cacheProxySchema } from '../../src/config/cache-proxies.ts';
import { ApiError, UnreachableError } from '../../src/kube/api-error.ts';
import { ForeignReferenceError } from '../../src/proxies/consumer.ts';
import type { ConfiguredProxy } from '../../src/proxies/kinds.ts';
import { NotYetError } from '../../src/proxies/adapter.ts';
import { createConsumers, StillNamedError } from '../../src/reconcile/consumers.ts';

const { signal } = new AbortController();
const COPY = { namespace: 'team', name: 'hub-copy' };

function world() {
  const w = { going: false, log: [] as string[], release: (): Promise<boolean> => Promise.resolve(true) };
  const make = (name: string, namespace: string, ...copyNames: [string, ...string[]]): ConfiguredProxy => ({
    config: cacheProxySchema.parse({
      kind: 'webhook',
      name,
      source: 'hub',
      registry: 'docker.io',
      url: 'https://cache.test',
      admin: { secret: { namespace: 'n', name: 'admin' } },
    }),
    copyName: copyNames[0],
    adapter: {
      targets: [],
      identity: '',
      holders: { unseen: 'nothing' },
      apply: () => Promise.resolve(),
      consumer: {
        object: `Thing "${name}"`,
        place: '/spec/secret',
        seat: name,
        namespace,
        copyNames,
        named: () => Promise.resolve([]),
        release: async (copyName, release) => {
          w.log.push(`${name}: ${copyName} ${release}`);
          return w.release();
        },
      },
    },
  });
  const proxies = [
    make('a', 'team', 'hub-copy'),
    make('b', 'team', 'new-copy', 'hub-copy'),
    make('c', 'elsewhere', 'hub-copy'),
    make('d', 'team', 'other-copy'),
  ];
  const kube = {
    applySecret: () => Promise.resolve(),
    readSecret: () => Promise.resolve({}),
    get: () => Promise.resolve(undefined),
    patch: () => Promise.resolve(),
  };
  const consumers = createConsumers({
    proxies: () => proxies,
    isGoing: () => w.going,
    context: () => ({ kube, signal }),
  });
  const [proxy] = proxies;
  if (proxy === undefined) throw new Error('no proxy');
  return {
    w,
    consumers,
    proxies,
    proxy,
    kube,
    remove: () => consumers.removeCopy(COPY, () => Promise.resolve(void w.log.push('removed')), signal),
    point: (apply: () => Promise<void>) => consumers.point(proxy, apply, { kube, signal }),
  };
}

test('all that may name a copy, under its old name too, release it before it goes, and nobody else is asked', async () => {
  const { w, remove } = world();
  await remove();
  expect(w.log).toEqual(['a: hub-copy going', 'b: hub-copy moving', 'removed']);
});

test.each<[string, Error, RegExp, boolean]>([
  [
    'somebody else wrote it',
    new ForeignReferenceError('Thing "a" names it at /spec/secret, and Pullpass did not write that: take it out'),
    /^it is to go, and stays: Thing "a" names it at \/spec\/secret, and Pullpass did not write that: take it out$/,
    false,
  ],
  [
    'the product is at work',
    new NotYetError('Thing "a" is being processed'),
    /^it is to go, and stays: Thing "a" is being processed$/,
    true,
  ],
  [
    'the right is missing',
    new ApiError('PATCH /x', 403, { message: 'no' }),
    /^it is to go, and stays: Thing "a" names it at \/spec\/secret, and that could not be changed: PATCH \/x: no$/,
    false,
  ],
  [
    'a policy refuses it',
    new ApiError('PATCH /x', 422, { message: 'no' }),
    /could not be changed: PATCH \/x: no$/,
    false,
  ],
  ['nobody answers', new UnreachableError('PATCH /x: timed out'), /could not be changed: PATCH \/x: timed out$/, true],
])(
  'a copy that is still named stays: %s; it is tried again with a growing delay',
  async (_, cause, message, passes) => {
    const { w, remove } = world();
    w.release = () => Promise.reject(cause);
    const error: unknown = await remove().catch((e: unknown) => e);
    expect(error).toBeInstanceOf(StillNamedError);
    expect((error as Error).message).toMatch(message);
    expect(w.log).not.toContain('removed');
    expect(retryAfter([error])).toBe('backoff');
    expect(isPassing(error)).toBe(passes);
  },
);

describe('nobody is pointed at a copy', () => {
  test('that is about to go: the reference is taken back instead', async () => {
    const { w, point } = world();
    w.going = true;
    expect(await point(() => Promise.resolve(void w.log.push('pointed')))).toBe('withdrawn');
    w.release = () => Promise.resolve(false);
    expect(await point(() => Promise.resolve(void w.log.push('pointed')))).toBe('no copy');
    w.release = () => Promise.reject(new ForeignReferenceError('theirs'));
    expect(await point(() => Promise.resolve(void w.log.push('pointed')))).toBe('no copy');
    expect(w.log).not.toContain('pointed');
  });

  test('while it is being removed, nor is it removed while somebody is pointed at it', async () => {
    const { w, remove, point } = world();
    const [began, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const pointing = point(async () => {
      w.log.push('points');
      began.resolve();
      await goOn.promise;
      w.log.push('pointed');
    });
    const removing = remove();
    // Decided by then, and only looked at when its turn comes.
    const late = point(() => Promise.resolve(void w.log.push('pointed late')));
    await began.promise;
    w.going = true;
    goOn.resolve();
    expect([await pointing, await removing, await late]).toEqual(['applied', undefined, 'withdrawn']);
    expect(w.log).toEqual([
      'points',
      'pointed',
      'a: hub-copy going',
      'b: hub-copy going',
      'removed',
      'a: hub-copy going',
    ]);
  });

  test('a turn that failed does not hold up the next one', async () => {
    const { point } = world();
    const failing = point(() => Promise.reject(new Error('no')));
    expect(await Promise.allSettled([failing, point(() => Promise.resolve())])).toMatchObject([
      { status: 'rejected' },
      { status: 'fulfilled', value: 'applied' },
    ]);
  });
});

test('what nobody can name goes at once, also while another object is pointed at a copy beside it', async () => {
  const { w, consumers, point } = world();
  const goOn = Promise.withResolvers<void>();
  const pointing = point(() => goOn.promise);
  await consumers.removeCopy({ ...COPY, name: 'unnamed' }, () => Promise.resolve(void w.log.push('removed')), signal);
  expect(w.log).toEqual(['removed']);
  goOn.resolve();
  expect(await pointing).toBe('applied');
});

test('a stop between the references and the copy keeps the copy', async () => {
  const stopping = new AbortController();
  const { w, consumers } = world();
  w.release = () => {
    stopping.abort(new Error('stopped'));
    return Promise.resolve(true);
  };
  const removing = consumers.removeCopy(COPY, () => Promise.resolve(void w.log.push('removed')), stopping.signal);
  await expect(removing).rejects.toThrow('stopped');
  expect(w.log).not.toContain('removed');
});

describe('a product whose object names no copy', () => {
  const without = ({ proxy }: ReturnType<typeof world>): ConfiguredProxy => {
    const { consumer: _, ...adapter } = proxy.adapter;
    return { ...proxy, adapter };
  };

  test('is given its login whatever becomes of copies, and has nothing to take back', async () => {
    const all = world();
    all.w.going = true;
    const proxy = without(all);
    expect(all.consumers.isGoing(proxy)).toBe(false);
    expect(all.consumers.isGoing(all.proxy)).toBe(true);
    const apply = () => Promise.resolve(void all.w.log.push('applied'));
    expect(await all.consumers.point(proxy, apply, { kube: all.kube, signal })).toBe('applied');
    await all.consumers.drop(proxy, all.proxy, signal);
    expect(all.w.log).toEqual(['applied']);
  });
});

describe('the reference of a cache proxy that is configured no more', () => {
  test('is taken back at its own place only', async () => {
    const { w, consumers, proxy } = world();
    await consumers.drop(proxy, undefined, signal);
    expect(w.log).toEqual(['a: hub-copy dropped']);
  });

  test('is left to the one that has its place now, which must name its own copy first', async () => {
    const { w, consumers, proxies } = world();
    const [a, b, elsewhere] = proxies;
    if (a === undefined) throw new Error('no proxy');
    await consumers.drop(a, b, signal);
    await consumers.drop(a, elsewhere, signal);
    expect(w.log).toEqual(['b: hub-copy moving', 'a: hub-copy dropped']);
  });

  test('that cannot be taken back is an error', async () => {
    const { w, consumers, proxy } = world();
    w.release = () => Promise.reject(new Error('no answer'));
    await expect(consumers.drop(proxy, undefined, signal)).rejects.toThrow('no answer');
    await expect(
      consumers.point(proxy, () => Promise.reject(new Error('no')), { kube: world().kube, signal }),
    ).rejects.toThrow('no');
    w.going = true;
    await expect(consumers.point(proxy, () => Promise.resolve(), { kube: world().kube, signal })).rejects.toThrow(
      'no answer',
    );
  });
});

test('the references under all names of a copy that is to go are taken back, and one that was there is enough', async () => {
  const { w, consumers, proxies, kube } = world();
  const [, b] = proxies;
  if (b === undefined) throw new Error('no proxy');
  w.going = true;
  let asked = 0;
  w.release = () => Promise.resolve(asked++ === 0);
  expect(await consumers.point(b, () => Promise.resolve(), { kube, signal })).toBe('withdrawn');
  expect(w.log).toEqual(['b: new-copy going', 'b: hub-copy going']);
});
