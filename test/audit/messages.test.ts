/** What findings say where one rule has several things to say: of what, to whom, and what to do. */
import { describe, expect, test } from 'vitest';
import type { Finding, RuleId } from '../../src/audit/rules/rule.ts';
import type { Observation, Workload } from '../../src/audit/observe/observation.ts';
import { account, copy, namespace, scope, source } from '../plan/observations.ts';
import {
  HUB,
  HUB_KEY,
  NOW,
  auditedSource,
  content,
  dockerConfig,
  failure,
  goodScope,
  observation,
  secrets,
  workload,
  findingsOf,
} from './observations.ts';

/** The findings of one rule. */
const found = (rule: RuleId, given: Observation): Finding[] =>
  findingsOf(given).filter((finding) => finding.rule === rule);
const messages = (rule: RuleId, given: Observation): string[] => found(rule, given).map(({ message }) => message);
const jwt = (ms: number): string =>
  `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify({ exp: ms / 1000 })).toString('base64url')}.x`;

describe('a login that its registry refuses', () => {
  const refused = (source: string) => ({ source, key: HUB_KEY, state: 'refused', why: '401' }) as const;

  test('is a finding where it is in force, whatever else of the source is held back', () => {
    expect(
      messages(
        'PP040',
        observation({
          registries: [refused('upstream')],
          heldBack: [{ source: 'upstream', why: 'registry "b.test": no' }],
        }),
      ),
    ).toEqual([`The registry refuses credential "${HUB_KEY}" of source "upstream": 401.`]);
  });
});

describe('a login that ends', () => {
  const ends = (ms: number): Observation => {
    const held = content({ [HUB_KEY]: jwt(NOW + ms) });
    return observation({
      sources: [auditedSource({ content: held })],
      pullSecrets: secrets({ 'team-a/regcred': held, 'team-b/regcred': held }),
    });
  };
  const day = 24 * 3_600_000;

  test('is told once, as of its source, whatever copies there are; days are rounded, and the last one is told in hours, and minutes', () => {
    const ending = (at: string): string[] => [`Credential "${HUB_KEY}" of source "upstream" ends on ${at}.`];
    expect(messages('PP041', ends(2.4 * day))).toEqual(ending('2026-03-03 21:36 UTC, in 2 days'));
    expect(messages('PP041', ends(1.9 * day))).toEqual(ending('2026-03-03 09:36 UTC, in 2 days'));
    expect(messages('PP041', ends(day))).toEqual(ending('2026-03-02 12:00 UTC, in 1 day'));
    expect(messages('PP041', ends(day / 4))).toEqual(ending('2026-03-01 18:00 UTC, in 6 hours'));
    expect(messages('PP041', ends(60_000))).toEqual(ending('2026-03-01 12:01 UTC, in 1 minute'));
  });

  test('has ended at that second', () => {
    expect([messages('PP041', ends(0)), messages('PP042', ends(0))]).toEqual([
      [],
      [`Credential "${HUB_KEY}" of source "upstream" ended on 2026-03-01 12:00 UTC.`],
    ]);
  });
});

describe('a copy', () => {
  const stale = (parts: Parameters<typeof copy>[0]): string[] =>
    messages('PP002', observation({ scopes: [goodScope({ copies: [copy(parts)] })] }));

  test.each<[string, Parameters<typeof copy>[0], string]>([
    ['is empty', { digest: undefined }, 'is empty'],
    [
      'was made for another source',
      { source: 'other' },
      'was made for another source, "other", and now belongs to "upstream"',
    ],
    [
      'was made for nobody knows which',
      { source: undefined },
      'was made for another source, "", and now belongs to "upstream"',
    ],
    [
      'is to be taken over',
      { ours: false, adopt: true, digest: 'theirs' },
      'is to be taken over for source "upstream", and was not yet',
    ],
    [
      'is of the wrong type, whatever else is wrong',
      { type: 'Opaque', digest: undefined, source: 'other' },
      'is of the wrong type, "Opaque"',
    ],
  ])('that %s says so', (_, parts, how) => {
    expect(stale(parts)).toEqual([`Copy "regcred" ${how}: pods in team-a pull with what it holds now.`]);
  });

  test('of a namespace that never opted in is said to be of one that is not, without a reason', () => {
    expect(
      messages(
        'PP004',
        observation({ scopes: [goodScope({ namespace: namespace({ sync: undefined }) })], workloads: [] }),
      ),
    ).toEqual(['Copy "regcred" is still in team-a, but the namespace is not opted in to source "upstream".']);
  });

  test('by a retired name says which list it is on', () => {
    const retired = copy({ name: 'old', source: 'gone' });
    expect(
      messages('PP004', observation({ scopes: [goodScope({ copies: [copy(), retired], retiredCopyNames: ['old'] })] })),
    ).toEqual(['Copy "old" is still in team-a, but its name is among retiredCopyNames.']);
  });
});

describe("a Secret in a copy's place", () => {
  test('of a tenant: what is there is the message, what to do is the remedy', () => {
    const [finding] = found(
      'PP003',
      observation({ scopes: [goodScope({ copies: [copy({ ours: false, digest: 'theirs' })] })] }),
    );
    expect(finding).toMatchObject({
      about: 'foreign',
      message:
        'Secret team-a/regcred has the name of the copy of source "upstream", and Pullpass did not make it. ' +
        'Pods of Deployment web name it: they pull with what it holds, not with the login of the source.',
      remedy: expect.stringContaining('pullpass.dev/adopt=true`') as string,
    });
  });

  test('of the configuration: another finding, with another remedy', () => {
    const second = auditedSource({
      observed: source({
        config: { name: 'second', copyName: 'second-copy', secret: { namespace: 'team-a', name: 'regcred' } },
      }),
    });
    const [finding] = found(
      'PP003',
      observation({ sources: [auditedSource(), second], scopes: [scope()], workloads: [] }),
    );
    expect(finding).toMatchObject({
      about: 'reserved',
      message: expect.stringMatching(
        /^Secret team-a\/regcred has the name of the copy of source "upstream", and the configuration .*: it is left alone\.$/,
      ) as string,
      remedy: expect.stringMatching(/^Give the source another copyName/) as string,
    });
  });
});

describe('an annotation', () => {
  test('that the guard does not admit is told to the platform team, which need not ask itself', () => {
    const [finding] = found(
      'PP007',
      observation({
        scopes: [scope({ namespace: namespace({ name: 'kube-extra' }), serviceAccounts: [] })],
        workloads: [],
      }),
    );
    expect(finding?.message).toMatch(/^Namespace "kube-extra" opted in, but .* not admit it\.$/);
  });

  test('of a ServiceAccount is told with its namespace, and by its key', () => {
    const [finding] = found(
      'PP008',
      observation({
        scopes: [
          goodScope({
            serviceAccounts: [account({ pullSecrets: ['regcred'], added: 'regcred', annotated: true, sync: 'yes' })],
          }),
        ],
      }),
    );
    expect(finding).toMatchObject({
      object: { kind: 'ServiceAccount', namespace: 'team-a', name: 'default' },
      about: 'pullpass.dev/sync',
      message: expect.stringMatching(/^ServiceAccount "default" in team-a: pullpass\.dev\/sync is "yes"/) as string,
    });
  });

  test('with a longer key is told apart from others', () => {
    expect(
      found(
        'PP008',
        observation({ scopes: [goodScope({ namespace: namespace({ sync: 'enabled', serviceAccounts: ' , ' }) })] }),
      ).map(({ about, object }) => [about, object]),
    ).toEqual([['pullpass.dev/service-accounts', { kind: 'Namespace', name: 'team-a' }]]);
  });
});

describe('a pull that fails', () => {
  const failing = (parts: Partial<Workload>, more: Partial<Observation> = {}): Finding | undefined =>
    found('PP022', observation({ workloads: [workload({ failures: [failure()], ...parts })], ...more }))[0];
  const unauthorized = 'pull access denied: 401 Unauthorized';

  test('counts all pods of the owner that cannot pull the image, and says what the kubelet says where it says something', () => {
    const two = [
      workload({ pods: 3, failures: [failure({ message: unauthorized })] }),
      workload({ pods: 2, pullSecrets: ['regcred', 'more'], failures: [failure({ message: unauthorized })] }),
    ];
    const [finding] = found('PP022', observation({ workloads: two }));
    expect(finding?.message).toContain('5 pods cannot pull "nginx:1.27"');
    expect(finding?.message).toMatch(/The kubelet says: pull access denied: 401 Unauthorized\.$/);
    expect(failing({})?.message).not.toContain('The kubelet says');
  });

  test('of a static pod is a matter of its node', () => {
    expect(
      failing({ isStatic: true, owner: { kind: 'Pod', name: 'etcd' }, failures: [failure({ message: unauthorized })] }),
    ).toMatchObject({
      message: expect.stringContaining('it is a static pod, for which its node must log in') as string,
      remedy: 'Give the node a login.',
    });
  });

  test('with a Secret that cannot be parsed is a matter of that Secret', () => {
    const typo = dockerConfig('{"auths":{"registry.corp":{"auth":"!"}}}');
    expect(
      failing(
        { pullSecrets: ['regcred', 'typo'], failures: [failure({ message: unauthorized })] },
        { pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/typo': typo }) },
      ),
    ).toMatchObject({
      message: expect.stringContaining('pull Secret "typo" cannot be parsed') as string,
      remedy: 'Mend that Secret.',
    });
  });

  const bare = { pullSecrets: [], failures: [failure({ message: unauthorized })] };

  test('where the reference has not come yet is one for the controller', () => {
    expect(failing(bare, { scopes: [goodScope({ serviceAccounts: [account()] })] })).toMatchObject({
      message: expect.stringContaining(
        'source "upstream" has a credential, which has not reached ServiceAccount "default"',
      ) as string,
      remedy:
        'See that the controller runs, and that ServiceAccount "default" is selected (pullpass.dev/service-accounts); then have the pods created anew.',
    });
  });

  test.each([
    [undefined, 'but the namespace is not opted in.'],
    ['disabled', 'but the namespace is not opted in (disabled).'],
  ])('where the namespace says %s to the source says so', (sync, words) => {
    expect(failing(bare, { scopes: [scope({ namespace: namespace({ sync }) })] })?.message).toContain(words);
  });

  test('of pods that are older than the reference is mended by new pods', () => {
    expect(failing(bare)?.remedy).toBe('Restart them: `kubectl -n team-a rollout restart deployment/web`');
  });

  test.each<[string, string, Partial<Workload>, RegExp]>([
    ['an error that nobody knows, with a login', 'strange', {}, /^See `kubectl describe pod` for the whole error\.$/],
    [
      'an error that nobody knows, without one',
      'strange',
      { pullSecrets: [] },
      /^See `kubectl describe pod` for the whole error; if the image is private: restart them: `[^`]*`$/,
    ],
    ['not found, with a login', 'docker.io/library/nginx:1.27: not found', {}, /some registries also say "not found"/],
    [
      'not found, without one',
      'docker.io/library/nginx:1.27: not found',
      { pullSecrets: [] },
      /if it is private: restart them: `[^`]*`$/,
    ],
    ['a rate limit, with a login', 'toomanyrequests', {}, /^Wait, or use an account with a higher limit/],
    ['a rate limit, without one', 'toomanyrequests', { pullSecrets: [] }, /^Restart them/],
  ])('has a remedy for %s', (_, message, parts, remedy) => {
    expect(failing({ ...parts, failures: [failure({ message })] })?.remedy).toMatch(remedy);
  });
});
