/** The judge is given writes that must never be, one for each promise, and beside each one that may be. */
import { beforeEach, describe, expect, test } from 'vitest';
import { createJudge } from './judge.ts';
import type { Judge } from './judge.ts';
import type { Resource, Seen, Write } from './write.ts';

const CONTROLLER = 'system:serviceaccount:pullpass-system:pullpass';
let judge: Judge;
let revision = 0;

beforeEach(() => {
  judge = createJudge({
    controller: CONTROLLER,
    namespace: 'pullpass-system',
    copies: new Map([
      ['corp-copy', { canarySeconds: 0 }],
      ['hub-copy', { canarySeconds: 1 }],
    ]),
    denied: (namespace) => namespace.startsWith('kube-'),
    good: ({ password }) => password?.startsWith('good') === true,
  });
  leads('a', 0);
});

const found = (): string[] => judge.violations.map(({ invariant }) => invariant);
const content = (...passwords: string[]): string =>
  Buffer.from(
    JSON.stringify({ auths: Object.fromEntries(passwords.map((password, i) => [`${i}.test`, { password }])) }),
  ).toString('base64');

function write(
  by: string,
  resource: Resource,
  before: Seen | undefined,
  after: Seen | undefined,
  { at = 1_000, arrivedAt = at }: { at?: number; arrivedAt?: number } = {},
): void {
  const { namespace = '', name } = (after ?? before ?? { metadata: { name: '' } }).metadata;
  const controller = by.length === 1;
  const change: Write = {
    revision: ++revision,
    at,
    arrivedAt,
    by: { user: controller ? CONTROLLER : by, agent: by },
    resource,
    namespace,
    name,
    before,
    after,
  };
  judge.write(change);
}

function leads(who: string, at: number): void {
  const metadata = { namespace: 'pullpass-system', name: 'pullpass-controller' };
  write(who || 'x', 'leases', undefined, { metadata, spec: { holderIdentity: who } }, { at });
}

interface CopyOptions {
  namespace?: string;
  name?: string;
  ours?: boolean;
  type?: string;
  annotations?: Record<string, string>;
}
const copy = (
  data: string,
  { namespace = 'team', name = 'corp-copy', ours = true, type, annotations }: CopyOptions = {},
): Seen => ({
  metadata: {
    namespace,
    name,
    labels: ours ? { 'pullpass.dev/source': 'corp' } : {},
    ...(annotations && { annotations }),
  },
  type: type ?? 'kubernetes.io/dockerconfigjson',
  data: { '.dockerconfigjson': data },
});
const account = (list: string[], added = '', labels = {}): Seen => ({
  metadata: {
    namespace: 'team',
    name: 'default',
    labels,
    ...(added !== '' && { annotations: { 'pullpass.dev/added-pull-secrets': added } }),
  },
  imagePullSecrets: list.map((name) => ({ name })),
});

describe('entries', () => {
  beforeEach(() => write('a', 'secrets', undefined, copy(content('good'))));

  test('of others stay', () => {
    write('a', 'serviceaccounts', account(['own']), account(['own', 'corp-copy'], 'corp-copy'));
    write('a', 'serviceaccounts', account(['own', 'corp-copy'], 'corp-copy'), account(['own']));
    expect(found()).toEqual([]);
    write('a', 'serviceaccounts', account(['own']), account(['corp-copy'], 'corp-copy'));
    expect(found()).toEqual(['nobody loses an entry']);
  });

  test('with the name of a copy are others’ where nothing says that they were added', () => {
    write('a', 'serviceaccounts', account(['corp-copy']), account([]));
    expect(found()).toEqual(['nobody loses an entry']);
  });

  test('a second one of the same name is another’s', () => {
    write('a', 'serviceaccounts', account(['corp-copy', 'corp-copy'], 'corp-copy'), account([]));
    expect(found()).toEqual(['nobody loses an entry']);
  });

  test('are copies only, and nothing else of the account changes', () => {
    write('a', 'serviceaccounts', account([]), account(['elsewhere']));
    write('a', 'serviceaccounts', account([]), account([], '', { role: 'arn:admin' }));
    write('a', 'namespaces', undefined, { metadata: { name: 'new' } });
    expect(new Set(found())).toEqual(new Set(['only what is ours is written', 'the copy comes before the reference']));
    expect(found()).toHaveLength(4);
  });
});

describe('Secrets', () => {
  test('of others are neither overwritten nor deleted', () => {
    write('a', 'secrets', copy(content('x'), { ours: false }), copy(content('good')));
    write('a', 'secrets', copy(content('x'), { ours: false }), undefined);
    expect(found()).toEqual(['no foreign Secret is touched', 'no foreign Secret is touched']);
  });

  test('may be adopted, and even then not deleted', () => {
    const offered = copy(content('x'), { ours: false, annotations: { 'pullpass.dev/adopt': 'true' } });
    write('a', 'secrets', offered, copy(content('good')));
    expect(found()).toEqual([]);
    write('a', 'secrets', offered, undefined);
    expect(found()).toEqual(['no foreign Secret is touched']);
  });

  test('that are no copies, or are in the controller’s own namespace, are not written', () => {
    write('a', 'secrets', undefined, copy(content('good'), { name: 'other' }));
    write('a', 'secrets', undefined, copy(content('good'), { namespace: 'pullpass-system' }));
    expect(found()).toEqual(['only what is ours is written', 'only what is ours is written']);
  });

  test('are not where no guard admits them', () => {
    write('a', 'secrets', undefined, copy(content('good'), { namespace: 'kube-team' }));
    expect(found()).toEqual(['the guard admits']);
  });
});

describe('order', () => {
  test('a reference to what was never written', () => {
    write('a', 'serviceaccounts', account([]), account(['corp-copy'], 'corp-copy'));
    expect(found()).toEqual(['the copy comes before the reference']);
  });

  test('a reference to what a tenant has just deleted is not the controller’s fault', () => {
    write('a', 'secrets', undefined, copy(content('good')));
    write('tenant', 'secrets', copy(content('good')), undefined);
    write('a', 'serviceaccounts', account([]), account(['corp-copy'], 'corp-copy'));
    expect(found()).toEqual([]);
  });

  test('a copy that goes before its reference, unless it is replaced', () => {
    write('a', 'secrets', undefined, copy(content('good')));
    write('a', 'serviceaccounts', account([]), account(['corp-copy'], 'corp-copy'));
    write('a', 'secrets', copy(content('good'), { type: 'Opaque' }), undefined);
    expect(found()).toEqual([]);
    write('a', 'secrets', copy(content('good')), undefined);
    expect(found()).toEqual(['the reference goes before the copy']);
  });
});

describe('one writer', () => {
  const change = (agent: string, times: { at: number; arrivedAt: number }): void =>
    write(agent, 'secrets', copy(content('good-1')), copy(content('good-2')), times);

  test('who does not hold the Lease changes nothing', () => {
    leads('b', 5_000);
    change('b', { at: 6_000, arrivedAt: 6_000 });
    expect(found()).toEqual([]);
    change('a', { at: 6_000, arrivedAt: 6_000 });
    expect(found()).toEqual(['one writer']);
  });

  test('what was on the way when the lead passed may arrive', () => {
    leads('b', 5_000);
    change('a', { at: 6_000, arrivedAt: 4_900 });
    expect(found()).toEqual([]);
  });

  test('what changes nothing harms nobody', () => {
    leads('b', 5_000);
    write('a', 'secrets', copy(content('good')), copy(content('good')), { at: 6_000 });
    expect(found()).toEqual([]);
    expect(judge.harmless).toBe(1);
  });
});

describe('contents', () => {
  test('that were never good are not spread', () => {
    write('a', 'secrets', copy(content('good')), copy(content('bad')));
    write('a', 'secrets', copy(content('good')), copy(''));
    write('a', 'secrets', copy(content('good-1', 'good-2')), copy(content('good-1')));
    expect(new Set(found())).toEqual(new Set(['what was good is not replaced by what is not']));
    expect(found()).toHaveLength(3);
  });

  test('what a tenant forged may go', () => {
    write('a', 'secrets', copy(content('forged', 'forged')), copy(content('good')));
    expect(found()).toEqual([]);
  });

  test('are with the canary first, for its time', () => {
    const hub = (namespace: string, password: string): Seen => copy(content(password), { namespace, name: 'hub-copy' });
    for (const namespace of ['n1', 'n2', 'n3']) write('a', 'secrets', undefined, hub(namespace, 'good-1'));
    expect(found()).toEqual([]);
    write('a', 'secrets', hub('n1', 'good-1'), hub('n1', 'good-2'), { at: 18_000 });
    write('a', 'secrets', hub('n2', 'good-1'), hub('n2', 'good-2'), { at: 19_010 });
    expect(found()).toEqual([]);
    write('a', 'secrets', hub('n1', 'good-2'), hub('n1', 'good-3'), { at: 20_000 });
    write('a', 'secrets', hub('n2', 'good-2'), hub('n2', 'good-3'), { at: 20_300 });
    expect(found()).toEqual(['a canary first']);
  });
});

test('who is undone does the same again only slowly', () => {
  write('a', 'secrets', undefined, copy(content('good')));
  const again = (at: number): void => {
    write('a', 'serviceaccounts', account([]), account(['corp-copy'], 'corp-copy'), { at });
    write('argocd', 'serviceaccounts', account(['corp-copy'], 'corp-copy'), account([]), { at });
  };
  for (let i = 0; i < 30; i++) again(1_000 + i * 400);
  expect(found()).toEqual([]);
  for (let i = 0; i < 13; i++) again(100_000 + i * 10);
  expect(found()).toEqual(['who is undone does not hurry']);
});

test('after a restore nobody knows who leads, and what came back is nobody’s fault', () => {
  write('a', 'secrets', undefined, copy(content('good')));
  judge.restored([
    ['serviceaccounts', account(['corp-copy'], 'corp-copy')],
    ['secrets', copy(content('good'))],
  ]);
  write('b', 'secrets', copy(content('good')), undefined, { at: 2_000 });
  expect(found()).toEqual([]);
  leads('a', 3_000);
  // The Lease that came back may name one that led before, while another's term still runs.
  write('b', 'secrets', undefined, copy(content('good')), { at: 4_000 });
  expect(found()).toEqual([]);
  write('b', 'secrets', copy(content('good')), undefined, { at: 8_000 });
  expect(found()).toEqual(['one writer']);
});

test('an entry that only a canary had, of a content that did not pass, may go again; one that stayed longer may not', () => {
  const hub = (...passwords: string[]): Seen => copy(content(...passwords), { name: 'hub-copy' });
  write('a', 'secrets', undefined, hub('good'), { at: 1_000 });
  write('a', 'secrets', hub('good'), hub('good', 'good-too'), { at: 5_000 });
  write('a', 'secrets', hub('good', 'good-too'), hub('good'), { at: 5_500 });
  expect(found()).toEqual([]);
  write('a', 'secrets', hub('good'), hub('good', 'good-three'), { at: 6_000 });
  write('a', 'secrets', hub('good', 'good-three'), hub('good'), { at: 9_000 });
  expect(found()).toEqual(['what was good is not replaced by what is not']);
});
