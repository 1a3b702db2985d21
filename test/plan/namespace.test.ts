import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ANNOTATION_ADDED } from '../../src/names.ts';
import { isInSync, planNamespace } from '../../src/plan/namespace.ts';
import type { ObservedSource } from '../../src/plan/observed.ts';
import { Cluster, stepsOf } from './cluster-model.ts';
import { account, copy, namespace, scope, source } from './observations.ts';

const types = (parts: Parameters<typeof scope>[0]) =>
  stepsOf(planNamespace(scope(parts))).map((step) =>
    step.type === 'editReferences'
      ? `+${step.edit.add.join()} -${step.edit.remove.join()}`
      : `${step.type} ${step.name}`,
  );

describe('the plan of a namespace', () => {
  test('opting in: the copy, then the reference', () => {
    expect(types({})).toEqual(['createCopy regcred', '+regcred -']);
  });

  test('opting out: the reference, then the copy', () => {
    expect(
      types({
        namespace: namespace({ sync: 'disabled' }),
        copies: [copy()],
        serviceAccounts: [account({ pullSecrets: ['regcred'], added: 'regcred', annotated: true })],
      }),
    ).toEqual(['+ -regcred', 'deleteCopy regcred']);
  });

  test('a namespace that never opted in is left alone', () => {
    const plan = planNamespace(scope({ namespace: namespace({ sync: undefined }) }));
    expect(isInSync(plan)).toBe(true);
    expect(plan.problems).toEqual([]);
    expect(plan.standings).toEqual([
      {
        source: 'upstream',
        copyName: 'regcred',
        choice: { in: false, why: 'not opted in' },
        copy: 'none',
        accounts: { selected: 0, referenced: 0 },
      },
    ]);
  });

  test('a namespace that is being deleted is left alone', () => {
    expect(types({ namespace: namespace({ terminating: true }) })).toEqual([]);
  });

  test('what stands is counted: copies and references, per source', () => {
    const accounts = [account({ pullSecrets: ['regcred'] }), account({ name: 'builder' }), account({ name: 'ci' })];
    const plan = planNamespace(
      scope({
        namespace: namespace({ serviceAccounts: '*,!ci' }),
        serviceAccounts: accounts,
        copies: [copy({ digest: 'old' })],
      }),
    );
    expect(plan.standings[0]).toMatchObject({ copy: 'stale', accounts: { selected: 2, referenced: 1 } });
  });

  test('a deselected ServiceAccount loses its reference while the copy stays', () => {
    expect(
      types({
        copies: [copy()],
        serviceAccounts: [account({ pullSecrets: ['regcred'], added: 'regcred', sync: 'disabled', annotated: true })],
      }),
    ).toEqual(['+ -regcred']);
  });

  test('a deselected ServiceAccount loses its reference even while the copy is missing', () => {
    const unavailable = source({ digest: undefined });
    const referenced = { pullSecrets: ['regcred'], added: 'regcred', annotated: true };
    expect(
      types({
        sources: [unavailable],
        serviceAccounts: [
          account({ ...referenced, sync: 'disabled' }),
          account({ ...referenced, name: 'b', sync: 'enabled' }),
        ],
      }),
    ).toEqual(['+ -regcred']);
  });

  test('onOptOut: retain leaves copy and references, and adds none', () => {
    const retain = source({ config: { onOptOut: 'retain' } });
    expect(
      types({
        namespace: namespace({ sync: 'disabled' }),
        sources: [retain],
        copies: [copy()],
        serviceAccounts: [account({ pullSecrets: ['regcred'], added: 'regcred' }), account({ name: 'new' })],
      }),
    ).toEqual([]);
  });

  test('a retired name goes, reference first, while the new one comes', () => {
    const plan = types({
      retiredCopyNames: ['old'],
      copies: [copy({ name: 'old' })],
      serviceAccounts: [account({ pullSecrets: ['x', 'old'], added: 'old', annotated: true })],
    });
    expect(plan).toEqual(['createCopy regcred', '+regcred -old', 'deleteCopy old']);
  });

  test('a reference in the record whose source is in no configuration goes', () => {
    expect(
      types({
        copies: [copy()],
        serviceAccounts: [account({ pullSecrets: ['gone', 'regcred'], added: 'gone,regcred', annotated: true })],
      }),
    ).toEqual(['+ -gone']);
  });

  test('what was not read yet is frozen, and does not hold up the rest', () => {
    const sources = [
      source({ read: false, digest: undefined }),
      source({ config: { name: 'second', copyName: 'second' } }),
    ];
    expect(
      types({ sources, serviceAccounts: [account({ pullSecrets: ['regcred'], added: 'regcred', annotated: true })] }),
    ).toEqual(['createCopy second', '+second -']);
  });

  test('a source of another source is never written, not under a copyName and not under a retired name', () => {
    const here = { namespace: 'team-a', name: 'theirs' };
    const sources = [
      source({ config: { name: 'a', secret: here, aliases: [{ host: 'h', login: { secret: 'login' } }] } }),
      source({ config: { name: 'b', copyName: 'theirs' } }),
    ];
    const ours = [copy({ name: 'theirs', source: 'b', digest: 'old' }), copy({ name: 'login' }), copy()];
    expect(types({ sources, copies: ours, retiredCopyNames: ['login'], serviceAccounts: [] })).toEqual([
      'updateCopy regcred',
    ]);
    expect(
      types({
        namespace: namespace({ sync: 'disabled' }),
        sources,
        copies: ours,
        retiredCopyNames: ['login'],
        serviceAccounts: [],
      }),
    ).toEqual(['deleteCopy regcred']);
    // Absent, it is not made either: the source would then be read from what another source says.
    expect(types({ sources, copies: [copy({ source: 'a' })], serviceAccounts: [] })).toEqual([]);
  });

  test('a name that is a source elsewhere is free here', () => {
    const sources = [
      source({ config: { name: 'a', secret: { namespace: 'elsewhere', name: 'theirs' } } }),
      source({ config: { name: 'b', copyName: 'theirs' } }),
    ];
    expect(types({ sources, serviceAccounts: [] })).toEqual(['createCopy regcred', 'createCopy theirs']);
  });

  test('everything that is wrong is told: the choice, the copies, the list of ServiceAccounts, the accounts', () => {
    const wrong = {
      namespace: namespace({ sources: 'upstream,nobody', serviceAccounts: 'default,[a]' }),
      sources: [source(), source({ config: { name: 'b', copyName: 'b' } })],
      serviceAccounts: [account({ sync: 'on' })],
      copies: [copy({ ours: false })],
    };
    const told = ({ problems }: ReturnType<typeof planNamespace>) =>
      problems.map(({ reason, object: { kind } }) => `${reason} ${kind}`);
    expect(told(planNamespace(scope(wrong)))).toEqual([
      'UnknownSource Namespace',
      'SecretNotOurs Secret',
      'InvalidAnnotation Namespace',
      'InvalidAnnotation ServiceAccount',
    ]);
    const out = { ...wrong, namespace: { ...wrong.namespace, sync: 'disabled' } };
    expect(told(planNamespace(scope(out)))).toEqual([]);
  });

  test('problems of ServiceAccounts are told only where something is opted in', () => {
    const accounts = [account({ sync: 'on' })];
    expect(
      planNamespace(scope({ serviceAccounts: accounts, copies: [copy()] })).problems.map(({ reason }) => reason),
    ).toEqual(['InvalidAnnotation']);
    expect(
      planNamespace(scope({ namespace: namespace({ sync: undefined }), serviceAccounts: accounts })).problems,
    ).toEqual([]);
  });

  test('names that mean something to JavaScript are names like any other', () => {
    const odd = source({ config: { name: 'constructor', copyName: 'constructor' } });
    expect(types({ sources: [odd], serviceAccounts: [account({ name: '__proto__', sync: 'enabled' })] })).toEqual([
      'createCopy constructor',
      '+constructor -',
    ]);
  });

  test('fifty sources and a thousand ServiceAccounts match each list once', () => {
    const sources = Array.from({ length: 50 }, (_, i) => source({ config: { name: `s${i}`, copyName: `c${i}` } }));
    const serviceAccounts = Array.from({ length: 1_000 }, (_, i) => account({ name: `sa-${i}`, uid: `u${i}` }));
    const patterns = Array.from({ length: 256 }, (_, i) => `*${i}?x`).join(',');
    // 1,000 names times 256 globs is a moment; fifty times that is not, and every tenant could ask for it.
    const plan = planNamespace(
      scope({ namespace: namespace({ serviceAccounts: patterns }), sources, serviceAccounts }),
    );
    expect(plan.writeCopies).toHaveLength(50);
    expect(plan.standings.every(({ accounts }) => accounts.selected === 0)).toBe(true);
  });
});

/** What people and other programs do between two steps of ours. */
const event = fc.oneof(
  fc.record({
    do: fc.constant('sync' as const),
    value: fc.constantFrom('enabled', 'enabled', 'disabled', 'nonsense', undefined),
  }),
  fc.record({
    do: fc.constant('sources' as const),
    value: fc.constantFrom('first', 'second', 'first,second', '', undefined),
  }),
  fc.record({
    do: fc.constant('accounts' as const),
    value: fc.constantFrom('*', 'default', '!builder', '', undefined),
  }),
  fc.record({
    do: fc.constant('accountSync' as const),
    name: fc.constantFrom('default', 'builder'),
    value: fc.constantFrom('enabled', 'disabled', undefined),
  }),
  fc.record({
    do: fc.constant('addEntry' as const),
    name: fc.constantFrom('default', 'builder'),
    value: fc.constantFrom('theirs', 'one', 'two', 'old'),
  }),
  fc.record({
    do: fc.constant('dropEntry' as const),
    name: fc.constantFrom('default', 'builder'),
    value: fc.constantFrom('theirs', 'one', 'two', 'old'),
  }),
  fc.record({ do: fc.constant('addAccount' as const), name: fc.constantFrom('builder', 'late') }),
  fc.record({ do: fc.constant('dropAccount' as const), name: fc.constantFrom('builder', 'late') }),
  fc.record({ do: fc.constant('content' as const), source: fc.nat(1), value: fc.constantFrom('v1', 'v2') }),
  fc.record({ do: fc.constant('dropSecret' as const), name: fc.constantFrom('one', 'two') }),
  fc.record({
    do: fc.constant('drift' as const),
    name: fc.constantFrom('one', 'two'),
    value: fc.constantFrom('drift', 'type', 'label', 'adopt'),
  }),
  fc.record({ do: fc.constant('foreign' as const), name: fc.constantFrom('one', 'two'), adopt: fc.boolean() }),
);
type Event = typeof event extends fc.Arbitrary<infer E> ? E : never;

function happen(cluster: Cluster, e: Event): void {
  const { state } = cluster;
  switch (e.do) {
    case 'sync':
      state.namespace = { ...state.namespace, sync: e.value };
      return;
    case 'sources':
      state.namespace = { ...state.namespace, sources: e.value };
      return;
    case 'accounts':
      state.namespace = { ...state.namespace, serviceAccounts: e.value };
      return;
    case 'accountSync':
      return cluster.setSync(e.name, e.value);
    case 'addEntry':
      return cluster.change(
        e.name,
        (sa) => void (sa.imagePullSecrets = [{ name: e.value }, ...(sa.imagePullSecrets ?? [])]),
      );
    case 'dropEntry':
      return cluster.change(
        e.name,
        (sa) => void (sa.imagePullSecrets = (sa.imagePullSecrets ?? []).filter(({ name }) => name !== e.value)),
      );
    case 'addAccount':
      return state.accounts.has(e.name) ? undefined : cluster.addAccount(e.name);
    case 'dropAccount':
      return void state.accounts.delete(e.name);
    case 'content':
      state.sources = state.sources.map((s, i) => (i === e.source ? { ...s, digest: e.value } : s));
      return;
    case 'dropSecret':
      return void state.secrets.delete(e.name);
    case 'foreign':
      return state.secrets.has(e.name) ? undefined : cluster.addSecret(e.name, { adopt: e.adopt });
    case 'drift': {
      const secret = state.secrets.get(e.name);
      const drift = {
        drift: { digest: 'drift' },
        type: { type: 'Opaque', uid: `secret-${cluster.next()}` },
        label: { ours: false },
        adopt: { adopt: true },
      }[e.value];
      if (secret) state.secrets.set(e.name, { ...secret, ...drift, resourceVersion: cluster.next() });
    }
  }
}

function fresh(parts: { onOptOut?: 'remove' | 'retain'; retired?: string[] } = {}): Cluster {
  const sources: ObservedSource[] = [
    source({
      digest: 'v1',
      config: { name: 'first', copyName: 'one', ...(parts.onOptOut && { onOptOut: parts.onOptOut }) },
    }),
    source({ digest: undefined, config: { name: 'second', copyName: 'two', serviceAccounts: ['*'] } }),
  ];
  const cluster = new Cluster(sources, parts.retired ?? ['old']);
  cluster.addAccount('default', ['theirs']);
  cluster.addAccount('builder', [], { 'team/note': 'hello' });
  cluster.addSecret('theirs');
  return cluster;
}

/** A round: events, then a plan of which a part is carried out, each step maybe with an event of others right before it. */
const round = fc.record({
  before: fc.array(event, { maxLength: 3 }),
  steps: fc.nat(6),
  between: fc.array(fc.option(event, { freq: 4 }), { maxLength: 6 }),
});

describe('whatever happens in between', () => {
  test('no step breaks a promise, and when it is quiet three rounds bring everything into order', () => {
    fc.assert(
      fc.property(
        fc.array(round, { maxLength: 8 }),
        fc.constantFrom('remove' as const, 'retain' as const),
        (rounds, onOptOut) => {
          const cluster = fresh({ onOptOut });
          for (const { before, steps, between } of rounds) {
            for (const e of before) happen(cluster, e);
            // Crashes after `steps` steps; `apply` checks the promises at each.
            for (const [i, action] of stepsOf(cluster.plan()).slice(0, steps).entries()) {
              const e = between[i];
              if (e) {
                happen(cluster, e);
                // The rest of the plan depends on what came before: a refused or late step ends it, as in the controller.
                if (e.do === 'dropSecret' || e.do === 'foreign' || e.do === 'drift') break;
              }
              if (!cluster.apply(action)) break;
            }
          }
          cluster.settle(3);
          const plan = cluster.plan();
          expect(isInSync(plan)).toBe(true);
          for (const { choice, copy: state, accounts } of plan.standings) {
            if (choice.in && state === 'in sync') expect(accounts.referenced).toBe(accounts.selected);
          }
        },
      ),
      { numRuns: 1_500 },
    );
  });

  test('where it ends depends on what is so, not on the order in which it came to be', () => {
    const wishes = fc.record({
      sync: fc.constantFrom('enabled', 'disabled', undefined),
      sources: fc.constantFrom('first', 'second', undefined),
      accounts: fc.constantFrom('*', 'default', undefined),
      content: fc.constantFrom('v1', 'v2'),
    });
    fc.assert(
      fc.property(
        wishes,
        fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }),
        fc.array(event, { maxLength: 4 }),
        ({ sync, sources, accounts, content }, order, noise) => {
          const run = (steps: number[], settleBetween: boolean): unknown => {
            const cluster = fresh();
            const harmless = noise.filter(({ do: what }) =>
              ['sync', 'sources', 'accounts', 'content', 'accountSync'].includes(what),
            );
            for (const e of harmless) happen(cluster, e);
            if (settleBetween) cluster.settle(3);
            for (const step of steps) {
              happen(
                cluster,
                (
                  [
                    { do: 'sync', value: sync },
                    { do: 'sources', value: sources },
                    { do: 'accounts', value: accounts },
                    { do: 'content', source: 0, value: content },
                  ] as const
                )[step] ?? { do: 'sync', value: sync },
              );
              if (settleBetween) cluster.settle(3);
            }
            cluster.settle(3);
            // The order of entries tells the order in which they came.
            return JSON.parse(
              JSON.stringify(cluster.picture(), (_, v: unknown) =>
                Array.isArray(v) && v.every((x) => typeof x === 'object' && x !== null && 'name' in x)
                  ? (v as { name: string }[]).map((x) => x.name).sort()
                  : v,
              ),
            );
          };
          expect(run(order, true)).toEqual(run([0, 1, 2, 3], false));
        },
      ),
    );
  });

  test('opting out restores what was there before', () => {
    const quiet = event.filter(
      (e) => e.do === 'sync' || e.do === 'sources' || e.do === 'accounts' || e.do === 'content',
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(quiet, fc.nat(4)), { maxLength: 10 }), (events) => {
        const cluster = fresh();
        const before = cluster.picture();
        for (const [e, steps] of events) {
          happen(cluster, e);
          for (const action of stepsOf(cluster.plan()).slice(0, steps)) cluster.apply(action);
        }
        happen(cluster, { do: 'sync', value: 'disabled' });
        cluster.settle(3);
        expect(cluster.picture()).toEqual(before);
      }),
    );
  });

  test('a rotation that broke off goes on in place', () => {
    const cluster = fresh();
    happen(cluster, { do: 'sync', value: 'enabled' });
    cluster.settle(2);
    const uid = cluster.state.secrets.get('one')?.uid;
    happen(cluster, { do: 'content', source: 0, value: 'v2' });
    expect(stepsOf(cluster.plan()).map(({ type }) => type)).toEqual(['updateCopy']);
    cluster.settle(1);
    expect(cluster.state.secrets.get('one')).toMatchObject({ uid, digest: 'v2' });
    expect(cluster.state.accounts.get('default')?.metadata.annotations?.[ANNOTATION_ADDED]).toBe('one');
  });
});
