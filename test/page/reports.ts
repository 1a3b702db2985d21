/** Reports for the page, made by the product from what clusters may look like, and held to their schema. */
import { createReport } from '../../src/audit/report/create.ts';
import type { Observation, Workload } from '../../src/audit/observe/observation.ts';
import { reportSchema } from '../audit/report-schema.ts';
import type { Report } from '../../src/audit/report/report.ts';
import { hostileCluster } from '../audit/hostile.ts';
import {
  HUB,
  HUB_KEY,
  NOW,
  auditedSource,
  content,
  failure,
  goodScope,
  observation,
  secrets,
  workload,
} from '../audit/observations.ts';
import { account, copy, namespace, scope, source } from '../plan/observations.ts';

const CORP_REFUSES =
  'failed to pull and unpack image "registry.corp/shop/web:2.4": failed to resolve reference ' +
  '"registry.corp/shop/web:2.4": pull access denied, repository does not exist or may require ' +
  'authorization: 401 Unauthorized';

const made = (given: Observation): Report => {
  const report = createReport(given);
  reportSchema.parse(report);
  return report;
};

export const inOrder = (): Report => made(observation());

export const empty = (): Report => made(observation({ configured: false, sources: [], scopes: [], workloads: [] }));

export const unseen = (): Report =>
  made(
    observation({
      workloads: [],
      podsSeen: false,
      couldNotSee: ['pods: not allowed to list them (403): nothing is said about images and pulls'],
    }),
  );

export const hostile = (): Report => made(hostileCluster());

/** The faults of a bad morning: a copy that is gone, a stranger in its place, a reference lost, pulls that fail, an opt-in refused; in the middle of a rotation. */
export function broken(): Report {
  const at = (seconds: number): number => NOW - 3_600_000 + seconds * 1000;
  const iso = (seconds: number): string => new Date(at(seconds)).toISOString();
  const upstream = auditedSource({
    content: content({ [HUB_KEY]: 'hub-password', 'registry.corp': 'corp-password', 'old.corp': 'x' }),
    changedAt: at(0),
  });
  const good = (name: string, seconds: number) =>
    goodScope({
      namespace: namespace({ name }),
      serviceAccounts: [account({ namespace: name, pullSecrets: ['regcred'], added: 'regcred', annotated: true })],
      copies: [copy({ namespace: name, writtenAt: at(seconds) })],
    });
  const teams = ['checkout', 'data-platform', 'delivery', 'identity', 'invoices', 'mobile', 'payments', 'search'];
  const bad = [
    scope({
      namespace: namespace({ name: 'billing' }),
      serviceAccounts: [account({ namespace: 'billing', pullSecrets: ['regcred'], added: 'regcred', annotated: true })],
    }),
    scope({
      namespace: namespace({ name: 'shop' }),
      serviceAccounts: [
        account({ namespace: 'shop' }),
        account({
          namespace: 'shop',
          name: 'builder',
          sync: 'enabled',
          pullSecrets: ['regcred'],
          added: 'regcred',
          annotated: true,
        }),
      ],
      copies: [copy({ namespace: 'shop', writtenAt: at(4) })],
    }),
    scope({
      namespace: namespace({ name: 'legacy' }),
      serviceAccounts: [account({ namespace: 'legacy' })],
      copies: [copy({ namespace: 'legacy', ours: false, source: undefined, digest: undefined, type: 'Opaque' })],
    }),
    scope({ namespace: namespace({ name: 'kube-extra' }) }),
    scope({ namespace: namespace({ name: 'stranger', sync: undefined }) }),
    scope({ namespace: namespace({ name: 'sandbox', sync: undefined }) }),
  ];
  const scopes = [...teams.map((name, i) => good(name, i === 0 ? 2 : 3 + i * 4)), ...bad].sort((a, b) =>
    a.namespace.name < b.namespace.name ? -1 : 1,
  );
  return made(
    observation({
      sources: [upstream],
      scopes,
      workloads: [
        ...teams.map((name, i) =>
          workload({
            namespace: name,
            images: ['nginx:1.27', ...(i % 2 === 0 ? ['registry.corp/base/agent:3'] : [])],
            pods: 3 + i * 2,
          }),
        ),
        workload({
          namespace: 'shop',
          owner: { kind: 'Deployment', name: 'web' },
          pullSecrets: [],
          images: ['registry.corp/shop/web:2.4'],
          pods: 6,
          failures: [failure({ image: 'registry.corp/shop/web:2.4', message: CORP_REFUSES })],
        }),
        workload({
          namespace: 'stranger',
          owner: { kind: 'StatefulSet', name: 'queue' },
          pullSecrets: [],
          images: ['registry.corp/base/queue:1', 'ghcr.io/acme/sidecar:9'],
          pods: 2,
          failures: [
            failure({
              image: 'registry.corp/base/queue:1',
              message: CORP_REFUSES.replaceAll('shop/web:2.4', 'base/queue:1'),
            }),
          ],
        }),
        workload({
          namespace: 'sandbox',
          owner: { kind: 'Job', name: 'try' },
          pullSecrets: [],
          images: ['internal.example:5000/tools/try:latest'],
          pods: 1,
        }),
      ],
      pullSecrets: secrets(
        Object.fromEntries([...teams, 'shop'].map((name) => [`${name}/regcred`, upstream.content ?? HUB])),
      ),
      registries: [
        { source: 'upstream', key: HUB_KEY, state: 'accepted', why: 'the registry accepted the login', since: iso(1) },
        {
          source: 'upstream',
          key: 'registry.corp',
          state: 'accepted',
          why: 'the registry accepted the login',
          since: iso(1),
        },
        { source: 'upstream', key: 'old.corp', state: 'unknown', why: 'it cannot be reached: ECONNREFUSED' },
      ],
      proxies: [
        {
          name: 'hub-cache',
          kind: 'distribution',
          source: 'upstream',
          registry: 'docker.io',
          applied: true,
          appliedAt: iso(9),
          verified: 'verified',
          done: true,
          why: 'pulled corp/app:1.0 through it',
          since: iso(340),
          url: 'http://hub-cache.registry-cache:5000',
        },
        {
          name: 'edge-harbor',
          kind: 'harbor',
          source: 'upstream',
          registry: 'registry.corp',
          applied: false,
          verified: 'unknown',
          done: false,
          why: 'it has no probe',
        },
      ],
    }),
  );
}

/** So many namespaces, of which so many have one fault each. */
export function large(namespaces = 5000, faults = 3000): Report {
  const configs = ['hub', 'corp', 'mirror'];
  const sources = configs.map((name) => {
    const observed = source({
      config: { name, copyName: `${name}-login`, secret: { namespace: 'pullpass-system', name } },
    });
    return auditedSource({ observed, content: HUB });
  });
  let broken = 0;
  const scopes = Array.from({ length: namespaces }, (_, i) => {
    const name = `team-${String(i).padStart(4, '0')}`;
    // Spread over all of them.
    const fault = (i + 1) * faults >= (broken + 1) * namespaces ? FAULTS[broken++ % FAULTS.length] : undefined;
    const [first = 'hub', ...others] = configs.map((each) => `${each}-login`);
    return scope({
      namespace: namespace({ name }),
      serviceAccounts: [
        account({
          namespace: name,
          pullSecrets: fault === 'lost reference' ? others : [first, ...others],
          added: [first, ...others].join(','),
          annotated: true,
        }),
      ],
      copies: configs.flatMap((each, at) =>
        at > 0
          ? [copy({ namespace: name, name: `${each}-login`, source: each })]
          : fault === 'missing copy'
            ? []
            : fault === 'foreign copy'
              ? [copy({ namespace: name, name: first, ours: false, source: undefined, digest: undefined })]
              : [copy({ namespace: name, name: first, source: each })],
      ),
    });
  });
  const workloads: Workload[] = scopes
    .slice(0, 400)
    .map(({ namespace: { name } }) => workload({ namespace: name, pullSecrets: ['hub-login'] }));
  return made(
    observation({
      sources,
      scopes,
      workloads,
      pullSecrets: secrets(Object.fromEntries(workloads.map(({ namespace: name }) => [`${name}/hub-login`, HUB]))),
    }),
  );
}

const FAULTS = ['missing copy', 'foreign copy', 'lost reference'] as const;
