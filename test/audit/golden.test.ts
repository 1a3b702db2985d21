/** Golden clusters: each broken state gives exactly its findings, and one in order gives none. */
import { describe, expect, test } from 'vitest';
import type { AuditedSource, Observation, PullContent } from '../../src/audit/observe/observation.ts';
import { RULES } from '../../src/audit/rules/all.ts';
import type { SourceConfig } from '../../src/config/schema.ts';
import { account, copy, namespace, scope, source } from '../plan/observations.ts';
import {
  HUB,
  HUB_KEY,
  NOW,
  auditedSource,
  badSource,
  content,
  dockerConfig,
  failure,
  goodScope,
  linesOf,
  listed,
  nothingOptedIn,
  observation,
  secret,
  secrets,
  workload,
  findingsOf,
} from './observations.ts';

const jwt = (exp: number): string =>
  `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify({ exp })).toString('base64url')}.x`;
const ECR_KEY = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
/** A password of ECR that ends in so many minutes. */
const ecr = (minutes: number): string =>
  Buffer.from(
    JSON.stringify({
      payload: 'x',
      datakey: 'x',
      version: '2',
      type: 'DATA_KEY',
      expiration: NOW / 1000 + minutes * 60,
    }),
  ).toString('base64');
/** A source with an ECR login that ends in so many minutes, in a Secret of this age. */
function withEcr(minutes: number, ageHours = 0): Observation {
  const held = content({ [ECR_KEY]: `AWS:${ecr(minutes)}` });
  return observation({
    sources: [auditedSource({ content: held, createdAt: NOW - ageHours * 3_600_000 })],
    workloads: [workload({ images: [`${ECR_KEY}/app:1`] })],
    pullSecrets: secrets({ 'team-a/regcred': held }),
  });
}
/** A Secret of OpenShift for its own registry, with a token that ends in so many minutes. */
const byOpenShift = (minutes: number): Observation =>
  observation({
    pullSecrets: new Map([
      [
        'team-a',
        new Map([
          ['regcred', secret(HUB)],
          [
            'default-dockercfg-x',
            {
              state: 'read',
              content: content({ 'image-registry.openshift-image-registry.svc:5000': inDays(minutes / 1440) }),
              renewedBy: 'OpenShift',
            },
          ],
        ]),
      ],
    ]),
  });
/** Pods without a pull secret, in a namespace that did not opt in, cannot pull from registry.corp. */
const withoutCorp = (source: AuditedSource, held: PullContent): Observation =>
  observation({
    sources: [source],
    scopes: [goodScope(), { ...nothingOptedIn(), namespace: namespace({ name: 'b', sync: undefined }) }],
    workloads: [
      workload(),
      workload({
        namespace: 'b',
        pullSecrets: [],
        images: ['registry.corp/app:1'],
        failures: [failure({ image: 'registry.corp/app:1', message: unauthorized })],
      }),
    ],
    pullSecrets: secrets({ 'team-a/regcred': held }),
  });
const inDays = (days: number): string => jwt(NOW / 1000 + days * 86_400);
const proxy = {
  name: 'hub-cache',
  kind: 'distribution',
  source: 'upstream',
  registry: 'docker.io',
  applied: true,
  verified: 'verified',
  done: true,
  why: 'pulled corp/app:1.0 through it',
} as const;
const unauthorized =
  'failed to pull and unpack image "registry.corp/app:1": failed to resolve reference ' +
  '"registry.corp/app:1": pull access denied, repository does not exist or may require authorization: ' +
  '401 Unauthorized';
const notFound =
  'Back-off pulling image "corp/app:1": ErrImagePull: failed to resolve image: docker.io/corp/app:1: not found';
const HUB_AND_CORP = content({ [HUB_KEY]: 'hub-password', 'registry.corp': 'corp-password' });
/** A source with aliases that no image names. */
function withCrio(crio: Observation['crio']): Observation {
  const aliases = ['mirror.corp:5000', 'mirror.corp:5000/v1/', 'docker.io'].map((host) => ({
    host,
    from: 'docker.io',
  }));
  const held = content({ [HUB_KEY]: 'hub-password', 'mirror.corp:5000': 'hub-password' });
  return observation({
    sources: [auditedSource({ observed: source({ config: { aliases } }), content: held })],
    pullSecrets: secrets({ 'team-a/regcred': held }),
    ...(crio && { crio }),
  });
}
/** Another source, of the same content unless it has its own. */
function another(
  name: string,
  { content: held = HUB, ...config }: Partial<SourceConfig> & { content?: PullContent },
): AuditedSource {
  return auditedSource({ observed: source({ config: { name, copyName: `${name}-copy`, ...config } }), content: held });
}

/** Beside a namespace in order another one, whose pods cannot pull. */
function outside(
  parts: Parameters<typeof namespace>[0],
  sources: readonly AuditedSource[] = [auditedSource()],
): Observation {
  const other = namespace({ name: 'b', ...parts });
  return observation({
    sources,
    scopes: [
      goodScope({ namespace: namespace({ sources: 'upstream' }) }),
      scope({ namespace: other, serviceAccounts: [] }),
    ],
    workloads: [
      workload(),
      workload({ namespace: other.name, pullSecrets: [], failures: [failure({ message: unauthorized })] }),
    ],
  });
}

/** As many namespaces with a copy that opted in, and a source whose guard says no. */
function shutOut(namespaces: number, given: 'none' | 'this' = 'none'): Observation {
  const scopes = Array.from({ length: namespaces }, (_, i) => `team-${String(i).padStart(2, '0')}`).map((name) =>
    scope({
      namespace: namespace({ name, sync: undefined }),
      serviceAccounts: [],
      copies: [copy({ namespace: name })],
    }),
  );
  return observation({ scopes, workloads: [], confirmation: { value: '0123456789ab', given } });
}

/** Two namespaces wait for a source that was written so many milliseconds ago. */
const fresh = (ms: number): Observation =>
  observation({
    sources: [
      auditedSource({
        observed: source({ digest: undefined }),
        fresh: true,
        changedAt: NOW - ms,
      }),
    ],
    scopes: ['a', 'b'].map((name) => scope({ namespace: namespace({ name }) })),
    workloads: [],
    pullSecrets: new Map(),
  });

const DIGEST = `sha256:${'a'.repeat(64)}`;

interface Case {
  readonly name: string;
  readonly given: () => Observation;
  readonly found: readonly string[];
  /** Words that must stand in the message or the remedy of one of them. */
  readonly says?: readonly string[];
  /** Words that must stand in none. */
  readonly saysNot?: readonly string[];
}

const CASES: readonly Case[] = [
  { name: 'a cluster in order', given: () => observation(), found: [] },
  { name: 'an empty cluster', given: () => observation({ scopes: [], workloads: [] }), found: [] },
  {
    name: 'public images of namespaces that never opted in',
    given: () =>
      observation({
        scopes: [goodScope(), { ...nothingOptedIn(), namespace: namespace({ name: 'b', sync: undefined }) }],
        workloads: [
          workload(),
          workload({ namespace: 'b', pullSecrets: [], images: ['registry.k8s.io/pause:3.10', 'redis'] }),
        ],
      }),
    found: ['PP028 Registry docker.io'],
    says: [
      '1 image of Docker Hub is pulled anonymously for 2 pods: b/Deployment web.',
      'Source "upstream" has a login of Docker Hub: opt the namespaces in, or have the pods created anew.',
    ],
  },
  {
    name: 'static pods of a node',
    given: () =>
      observation({
        workloads: [
          workload(),
          workload({
            namespace: 'kube-system',
            owner: { kind: 'Pod', name: 'etcd' },
            pullSecrets: [],
            isStatic: true,
            images: ['registry.k8s.io/etcd:3.6'],
          }),
        ],
      }),
    found: [],
  },

  // Copies and references
  {
    name: 'a namespace that just opted in, and no controller',
    given: () => observation({ scopes: [scope()], workloads: [] }),
    found: ['PP001 Secret team-a/regcred', 'PP005 ServiceAccount team-a/default'],
    says: [
      '(`kubectl -n pullpass-system get lease pullpass-controller`)',
      '(`kubectl -n pullpass-system logs deployment/pullpass`)',
    ],
  },
  {
    name: 'a copy that was deleted',
    given: () =>
      observation({ scopes: [goodScope({ copies: [] })], pullSecrets: secrets({ 'team-a/regcred': 'missing' }) }),
    found: ['PP001 Secret team-a/regcred'],
  },
  {
    name: 'a copy with an older content',
    given: () => observation({ scopes: [goodScope({ copies: [copy({ digest: 'old' })] })] }),
    found: ['PP002 Secret team-a/regcred', 'PP083 Source upstream'],
    says: ['does not hold the content of source "upstream"', 'the old credential is still needed'],
  },
  {
    name: 'a copy of the wrong type',
    given: () => observation({ scopes: [goodScope({ copies: [copy({ type: 'Opaque' })] })] }),
    found: ['PP002 Secret team-a/regcred', 'PP083 Source upstream'],
    says: ['wrong type, "Opaque"'],
  },
  {
    name: "a Secret of the tenant in the copy's place",
    given: () => observation({ scopes: [goodScope({ copies: [copy({ ours: false, digest: 'theirs' })] })] }),
    found: ['PP003 Secret team-a/regcred'],
    says: [
      'Secret team-a/regcred has the name of the copy of source "upstream", and Pullpass did not make it.',
      'Delete or rename it; or let Pullpass take it over: `kubectl -n team-a annotate secret regcred pullpass.dev/adopt=true`',
    ],
  },
  {
    name: "a Secret of another type in the copy's place, which no ServiceAccount names",
    given: () =>
      observation({
        scopes: [
          goodScope({
            serviceAccounts: [account()],
            copies: [copy({ ours: false, type: 'Opaque', digest: undefined })],
          }),
        ],
        workloads: [],
      }),
    found: ['PP003 Secret team-a/regcred'],
    says: ['Delete or rename it: it is of type "Opaque"'],
    saysNot: ['adopt', 'Pods of'],
  },
  {
    name: "another installation's Secret in the copy's place, which asks for adoption",
    given: () =>
      observation({
        scopes: [
          goodScope({ copies: [copy({ ours: false, other: 'instance', instance: 'team-tools', adopt: true })] }),
        ],
      }),
    found: ['PP003 Secret team-a/regcred'],
    says: [
      'another installation of Pullpass has it (controller namespace "team-tools")',
      'Give the source another copyName, or remove one of the two installations',
    ],
    saysNot: ['annotate'],
  },
  {
    name: 'a copy that is being deleted, and that a finalizer keeps: it is up to date',
    given: () =>
      observation({ scopes: [goodScope({ copies: [copy({ terminating: true, finalizers: ['example.com/keep'] })] })] }),
    found: ['PP015 Secret team-a/regcred'],
    says: ['is kept by finalizer "example.com/keep"', 'Whoever set a finalizer must finish its work'],
    saysNot: ['within seconds'],
  },
  {
    name: 'the same, immutable and with old content',
    given: () =>
      observation({
        scopes: [
          goodScope({
            copies: [copy({ terminating: true, finalizers: ['example.com/keep'], immutable: true, digest: 'old' })],
          }),
        ],
      }),
    found: ['PP015 Secret team-a/regcred', 'PP083 Source upstream'],
    says: ['the old credential is still needed'],
    saysNot: ['within seconds'],
  },
  {
    name: 'a copy and a reference after the namespace opted out',
    given: () => observation({ scopes: [goodScope({ namespace: namespace({ sync: 'disabled' }) })], workloads: [] }),
    found: ['PP004 Secret team-a/regcred', 'PP010 ServiceAccount team-a/default'],
    says: [
      'not opted in to source "upstream" (disabled)',
      'The controller deletes it within seconds, unless a custom object names it (Event CopyStillNamed): check that it runs.',
    ],
  },
  {
    name: 'a copy under the name of a source that was dropped',
    given: () => observation({ strayCopies: [{ namespace: 'team-b', name: 'old-copy', source: 'dropped' }] }),
    found: ['PP004 Secret team-b/old-copy'],
    says: ['Add "old-copy" to retiredCopyNames in the configuration, or delete the Secret.'],
  },
  {
    name: 'a ServiceAccount that lost its reference',
    given: () => observation({ scopes: [goodScope({ serviceAccounts: [account()] })] }),
    found: ['PP005 ServiceAccount team-a/default'],
  },
  {
    name: 'a ServiceAccount from which another writer took the reference out',
    given: () =>
      observation({
        scopes: [
          goodScope({
            serviceAccounts: [
              account({
                pullSecrets: ['from-git'],
                added: 'regcred',
                annotated: true,
                undoneBy: 'field manager "argocd-controller" (Argo CD), Update, 2026-03-01 12:00 UTC',
              }),
              account({ name: 'ci', added: 'regcred', annotated: true }),
            ],
            namespace: namespace({ serviceAccounts: '*' }),
          }),
        ],
      }),
    found: ['PP005 ServiceAccount team-a/ci', 'PP005 ServiceAccount team-a/default'],
    says: [
      'Pullpass had added it, and another writer took it out: field manager "argocd-controller" (Argo CD), Update, 2026-03-01 12:00 UTC.',
      'another writer took it out: a writer that the object does not name',
      'docs/argo-cd.md',
    ],
  },
  {
    name: 'a copy that another writer wrote',
    given: () =>
      observation({
        scopes: [goodScope({ copies: [copy({ digest: 'theirs', undoneBy: 'field manager "replicator"' })] })],
      }),
    found: ['PP002 Secret team-a/regcred', 'PP083 Source upstream'],
    says: ['Another writer wrote it: field manager "replicator".', 'docs/argo-cd.md'],
  },
  {
    name: 'a ServiceAccount without a reference to a source that cannot be read',
    given: () =>
      observation({ sources: [badSource('unread')], scopes: [scope()], workloads: [], pullSecrets: new Map() }),
    found: [],
  },
  {
    name: 'a ServiceAccount without a reference to the last good content of a source',
    given: () =>
      observation({
        sources: [badSource('missing')],
        scopes: [goodScope({ serviceAccounts: [account()] })],
        workloads: [],
      }),
    found: ['PP005 ServiceAccount team-a/default', 'PP080 Source upstream'],
  },
  {
    name: 'a namespace that is being deleted',
    given: () => observation({ scopes: [scope({ namespace: namespace({ terminating: true }) })], workloads: [] }),
    found: [],
  },

  // Opt-in
  {
    name: 'an opt-in that the guard refuses',
    given: () =>
      observation({
        scopes: [scope({ namespace: namespace({ name: 'kube-extra' }), serviceAccounts: [] })],
        workloads: [],
      }),
    found: ['PP007 Namespace kube-extra'],
    says: [
      'Namespace "kube-extra" opted in, but the guard',
      '`kubectl annotate namespace kube-extra pullpass.dev/sync-`',
    ],
  },
  {
    name: 'a key with a typing error, and a label where an annotation is meant',
    given: () =>
      observation({
        scopes: [
          scope({
            namespace: namespace({ sync: undefined, strays: ['pullpass.dev/synch', 'label pullpass.dev/sync'] }),
          }),
        ],
        workloads: [],
      }),
    found: ['PP008 Namespace team-a'],
    says: ['"pullpass.dev/synch", "label pullpass.dev/sync": means nothing on a namespace'],
  },
  {
    name: 'an annotation with a typing error',
    given: () => observation({ scopes: [scope({ namespace: namespace({ sync: 'enable' }) })], workloads: [] }),
    found: ['PP008 Namespace team-a'],
    says: ['use "enabled" or "disabled"'],
  },
  {
    name: 'a bad annotation on a ServiceAccount',
    given: () =>
      observation({
        scopes: [
          goodScope({
            serviceAccounts: [account({ pullSecrets: ['regcred'], added: 'regcred', annotated: true, sync: 'yes' })],
          }),
        ],
      }),
    found: ['PP008 ServiceAccount team-a/default'],
  },
  {
    name: 'a source that does not exist',
    given: () => observation({ scopes: [goodScope({ namespace: namespace({ sources: 'upstream, upstraem' }) })] }),
    found: ['PP009 Namespace team-a'],
    says: [
      'Namespace "team-a": pullpass.dev/sources names "upstraem", which the configuration does not have. It has "upstream".',
    ],
  },

  // Pull Secrets of others
  {
    name: 'a reference to nothing',
    given: () =>
      observation({
        scopes: [
          goodScope({
            serviceAccounts: [
              account({ pullSecrets: ['regcred', 'gone'], added: 'regcred', annotated: true }),
              account({ name: 'ci', pullSecrets: ['gone'] }),
            ],
          }),
        ],
        pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/gone': 'missing' }),
      }),
    found: ['PP006 Secret team-a/gone'],
    says: ['ServiceAccounts "default", "ci" name it'],
  },
  {
    name: 'pods that name a Secret that is not there',
    given: () =>
      observation({
        workloads: [workload({ pullSecrets: ['gone', 'regcred'] })],
        pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/gone': 'missing' }),
      }),
    found: ['PP006 Secret team-a/gone'],
    says: ['pods of Deployment web name it'],
  },
  {
    name: 'pods that were born with the reference to a copy that its source cannot give yet',
    given: () =>
      observation({
        sources: [auditedSource({ observed: source({ digest: undefined }), fresh: true, changedAt: NOW })],
        scopes: [scope({ serviceAccounts: [account()] })],
        pullSecrets: secrets({ 'team-a/regcred': 'missing' }),
      }),
    found: ['PP028 Registry docker.io'],
  },
  {
    name: 'pods that name the copy of a namespace that opted out',
    given: () =>
      observation({
        scopes: [scope({ namespace: namespace({ sync: undefined }), serviceAccounts: [account()] })],
        pullSecrets: secrets({ 'team-a/regcred': 'missing' }),
      }),
    found: ['PP006 Secret team-a/regcred', 'PP028 Registry docker.io'],
  },
  {
    name: 'a Secret that may not be read',
    given: () =>
      observation({
        workloads: [workload({ pullSecrets: ['theirs', 'regcred'] })],
        pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/theirs': 'unseen' }),
      }),
    found: [],
  },
  {
    name: 'a Secret that fails every pull',
    given: () =>
      observation({
        workloads: [workload({ pullSecrets: ['regcred', 'typo'] })],
        pullSecrets: secrets({
          'team-a/regcred': HUB,
          'team-a/typo': dockerConfig('{"auths":{"registry.corp":{"auth":"!"}}}'),
        }),
      }),
    found: ['PP011 Secret team-a/typo'],
    says: [
      '"auth" is not base64',
      'Correct or remove the entry in Secret team-a/typo, or remove its name from imagePullSecrets.',
    ],
  },
  {
    name: 'a Secret of the wrong type',
    given: () =>
      observation({
        workloads: [workload({ pullSecrets: ['regcred', 'opaque'] })],
        pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/opaque': dockerConfig('{}', 'Opaque') }),
      }),
    found: ['PP012 Secret team-a/opaque'],
    says: [
      'Pods of Deployment web in team-a pull with Secret "opaque", which is of type "Opaque": kubelets ignore it.',
    ],
  },
  {
    name: 'a Secret of the wrong type that a ServiceAccount names',
    given: () =>
      observation({
        scopes: [
          goodScope({
            serviceAccounts: [
              account({ pullSecrets: ['regcred'], added: 'regcred', annotated: true }),
              account({ name: 'app', pullSecrets: ['opaque'] }),
            ],
          }),
        ],
        pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/opaque': dockerConfig('{}', 'Opaque') }),
      }),
    found: ['PP012 Secret team-a/opaque'],
    says: [
      'ServiceAccount "app" in team-a pulls with Secret "opaque", which is of type "Opaque": kubelets ignore it.',
      'delete it and create it again (`kubectl -n team-a create secret docker-registry opaque ...`), or remove its name',
    ],
  },
  {
    name: 'a Secret without registries',
    given: () =>
      observation({
        workloads: [workload({ pullSecrets: ['regcred', 'bare'] })],
        pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/bare': dockerConfig('{"auths":{}}') }),
      }),
    found: ['PP012 Secret team-a/bare'],
    says: [
      'which has no registries: kubelets ignore it.',
      'Correct Secret team-a/bare: put at least one under "auths"; or remove its name',
    ],
  },

  {
    name: 'a pull Secret that nobody names, in two namespaces',
    given: () => {
      const old = content({ 'registry.old': 'x' });
      const other = { ...nothingOptedIn(), namespace: namespace({ name: 'b', sync: undefined }) };
      return observation({
        scopes: [goodScope(), other],
        allPullSecrets: [listed('b/left', old), listed('team-a/left', old), listed('team-a/regcred', HUB, 'copy')],
      });
    },
    found: ['PP046 Secret b/left', 'PP013 Secret b/left'],
    says: [
      'No ServiceAccount and no running pod of b names pull Secret "left". The same goes for 1 Secret with that name and content, in namespace team-a.',
      "CRI-O's credential provider",
      'If nothing does: `kubectl -n b delete secret left`',
    ],
  },
  {
    name: 'pull Secrets that are named, or are a source, or that Helm, OpenShift and kube-image-keeper made, or of a namespace that is not known',
    given: () =>
      observation({
        scopes: [
          goodScope({
            serviceAccounts: [
              account({ pullSecrets: ['regcred'], added: 'regcred', annotated: true }),
              account({ name: 'ci', pullSecrets: ['of-account'] }),
            ],
          }),
          goodScope({
            namespace: namespace({ name: 'pullpass-system', sync: undefined }),
            serviceAccounts: [],
            copies: [],
          }),
        ],
        workloads: [workload({ pullSecrets: ['regcred', 'of-pod'] })],
        allPullSecrets: [
          listed('pullpass-system/upstream-registry', HUB),
          listed('team-a/of-account', content({ 'a.corp': '1' })),
          listed('team-a/of-pod', content({ 'b.corp': '2' })),
          listed('team-a/of-helm', content({ 'c.corp': '3' }), 'Helm'),
          listed('team-a/of-openshift', content({ 'd.corp': '4' }), 'OpenShift'),
          listed('team-a/of-kuik', content({ 'e.corp': '5' }), 'kube-image-keeper'),
          listed('team-new/whatever', content({ 'f.corp': '6' })),
        ],
        pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/of-pod': content({ 'b.corp': '2' }) }),
      }),
    found: [],
  },
  {
    name: 'a pull Secret that nobody names, as far as may be seen: not all pods or ServiceAccounts are, or a list is too long',
    given: () => {
      const allPullSecrets = [listed('team-a/left', content({ 'registry.old': 'x' }))];
      const given = [
        observation({ allPullSecrets, podsSeen: false, workloads: [] }),
        observation({ allPullSecrets, accountsSeen: false }),
        observation({
          allPullSecrets,
          scopes: [
            goodScope({
              serviceAccounts: [
                account({ pullSecrets: ['regcred'], added: 'regcred', annotated: true }),
                account({ name: 'ci', pullSecrets: undefined, oversized: true }),
              ],
            }),
          ],
        }),
      ];
      return given.find((each) => linesOf(each).some((line) => line.startsWith('PP013'))) ?? observation();
    },
    found: [],
  },

  // Pods
  {
    name: 'pods that are older than the reference',
    given: () => observation({ workloads: [workload({ pullSecrets: [] })] }),
    found: ['PP020 Deployment team-a/web'],
    says: ['Restart them: `kubectl -n team-a rollout restart deployment/web`'],
  },
  {
    name: 'what healing does with such pods',
    given: () =>
      observation({
        healing: (['evict', 'dry-run', 'none'] as const).map((action) => ({
          namespace: 'team-a',
          owner: { kind: 'ReplicaSet', name: action },
          ...{ source: 'hub', pods: 2, example: `${action}-1`, action, note: `It is said: ${action}.` },
        })),
      }),
    found: ['PP030 ReplicaSet team-a/dry-run', 'PP030 ReplicaSet team-a/evict', 'PP030 ReplicaSet team-a/none'],
    says: [
      'team-a/ReplicaSet evict: 2 pods, such as evict-1. It is said: evict.',
      'Nothing to do: the controller evicts a few at a time.',
      'let Pullpass do it: `healing: { mode: evict }`',
    ],
  },
  {
    name: 'a bare pod that is older than the reference',
    given: () =>
      observation({
        workloads: [workload(), workload({ owner: { kind: 'Pod', name: 'one' }, pods: 1, pullSecrets: [] })],
      }),
    found: ['PP020 Pod team-a/one'],
    says: ['Delete Pod "one" in team-a, and create it again.'],
  },
  {
    name: 'pods with what the ServiceAccount had before',
    given: () =>
      observation({
        scopes: [
          goodScope({
            serviceAccounts: [account({ pullSecrets: ['own', 'regcred'], added: 'regcred', annotated: true })],
          }),
        ],
        workloads: [workload({ pullSecrets: ['own'] })],
        pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/own': content({ 'registry.own': 'x' }) }),
      }),
    found: ['PP020 Deployment team-a/web'],
  },
  {
    name: 'pods that were born with some of the copies, as where a ServiceAccount annotation selects more',
    given: () =>
      observation({
        scopes: [
          goodScope({
            serviceAccounts: [account({ pullSecrets: ['other', 'regcred'], added: 'other,regcred', annotated: true })],
          }),
        ],
        workloads: [workload({ pullSecrets: ['other'] })],
        pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/other': content({ 'registry.own': 'x' }) }),
      }),
    found: ['PP010 ServiceAccount team-a/default', 'PP020 Deployment team-a/web'],
  },
  {
    name: 'a thousand pods of one Deployment in two versions',
    given: () =>
      observation({
        workloads: [
          workload({ pullSecrets: [], pods: 600 }),
          workload({ pullSecrets: [], pods: 400, images: ['nginx:1.28'] }),
        ],
      }),
    found: ['PP020 Deployment team-a/web'],
    says: ['1000 pods were created before'],
  },
  {
    name: 'old pods whose images need no credential of it',
    given: () =>
      observation({
        workloads: [
          workload({ pullSecrets: [], images: ['quay.io/x/y'] }),
          workload({ owner: { kind: 'Deployment', name: 'other' } }),
        ],
      }),
    found: [],
  },
  {
    name: 'pods with a Secret of their own that does not match',
    given: () =>
      observation({
        workloads: [workload({ pullSecrets: ['own'] })],
        pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/own': content({ 'registry.own': 'x' }) }),
      }),
    found: ['PP021 Deployment team-a/web'],
    says: ['Add "regcred" to imagePullSecrets'],
  },
  {
    name: 'pods with a Secret of their own that matches',
    given: () =>
      observation({
        workloads: [workload({ pullSecrets: ['own'] }), workload({ owner: { kind: 'Deployment', name: 'b' } })],
        pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/own': content({ 'docker.io': 'x' }) }),
      }),
    found: [],
  },

  {
    name: 'pods with two logins for one image, under different keys',
    given: () => {
      const team = content({ 'registry.corp/team': 'theirs' });
      const all = content({ [HUB_KEY]: 'hub-password', 'registry.corp': 'ours' });
      return observation({
        sources: [auditedSource({ content: all })],
        workloads: [workload({ pullSecrets: ['regcred', 'own'], images: ['registry.corp/team/app:1', 'nginx'] })],
        pullSecrets: secrets({ 'team-a/regcred': all, 'team-a/own': team }),
      });
    },
    found: ['PP027 Deployment team-a/web'],
    says: [
      'team-a/Deployment web: 2 pods name Secrets "own" and "regcred", which have different logins for "registry.corp/team/app:1".',
      'Kubelets try "registry.corp/team" of "own" first, and "registry.corp" of "regcred" only after it was refused',
    ],
  },
  {
    name: 'pods that name a second login themselves',
    given: () =>
      observation({
        workloads: [workload({ pullSecrets: ['own', 'regcred'] })],
        pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/own': content({ [HUB_KEY]: 'another' }) }),
      }),
    found: ['PP027 Deployment team-a/web'],
    says: ['of "own" first', 'for "nginx:1.27"'],
  },
  {
    name: 'pods with two Secrets of the same login, and with one that could not be read',
    given: () =>
      observation({
        workloads: [
          workload({ pullSecrets: ['same', 'regcred'] }),
          workload({ owner: { kind: 'Job', name: 'b' }, pullSecrets: ['own', 'unseen', 'regcred'] }),
        ],
        pullSecrets: secrets({
          'team-a/regcred': HUB,
          'team-a/same': content({ 'docker.io': 'hub-password', 'registry.corp': 'x' }),
          'team-a/own': content({ [HUB_KEY]: 'another' }),
          'team-a/unseen': 'unseen',
        }),
      }),
    found: ['PP046 Source upstream'],
    says: [
      'The login of source "upstream" for "https://index.docker.io/v1/" is also in 1 Secret that Pullpass does not manage: team-a/same.',
    ],
  },

  // Failing pulls
  {
    name: 'a pull without a credential anywhere',
    given: () =>
      observation({
        workloads: [
          workload(),
          workload({
            owner: { kind: 'Job', name: 'seed' },
            pullSecrets: [],
            images: ['quay.io/private/app:1'],
            failures: [
              failure({
                image: 'quay.io/private/app:1',
                message: 'unauthorized: access to the requested resource is not authorized',
              }),
            ],
          }),
        ],
      }),
    found: ['PP022 Job team-a/seed'],
    says: ['no source has a credential for it', 'Add a credential for this registry to a source.'],
  },
  {
    name: 'a pull that a source has a credential for',
    given: () =>
      observation({
        scopes: [goodScope(), { ...nothingOptedIn(), namespace: namespace({ name: 'b', sync: undefined }) }],
        workloads: [
          workload(),
          workload({
            namespace: 'b',
            pullSecrets: [],
            failures: [failure({ message: '429 Too Many Requests: toomanyrequests' })],
          }),
        ],
      }),
    found: ['PP022 Deployment b/web'],
    says: [
      'Opt the namespace in: `kubectl annotate namespace b --overwrite pullpass.dev/sync=enabled`; then have the pods created anew.',
      'limits how often',
    ],
  },
  {
    name: 'a pull of a namespace that said no',
    given: () => outside({ sync: 'disabled' }),
    found: ['PP022 Deployment b/web'],
    says: [
      'not opted in (disabled)',
      'Opt the namespace in: `kubectl annotate namespace b --overwrite pullpass.dev/sync=enabled`;',
    ],
  },
  {
    name: 'a pull of a namespace that mistyped its annotation',
    given: () => outside({ sync: 'yes' }),
    found: ['PP022 Deployment b/web', 'PP008 Namespace b'],
    says: [
      'not opted in (bad annotation)',
      'Opt the namespace in: `kubectl annotate namespace b --overwrite pullpass.dev/sync=enabled`;',
    ],
  },
  {
    name: 'a pull of a namespace that the guard refuses',
    given: () => outside({ name: 'kube-b', sync: 'enabled' }),
    found: ['PP022 Deployment kube-b/web', 'PP007 Namespace kube-b'],
    says: [
      'but its guard does not admit the namespace',
      'Allow the namespace in the configuration: sources[].namespaces of source "upstream"; then have the pods created anew.',
    ],
    saysNot: ['kubectl annotate namespace kube-b --overwrite'],
  },
  {
    name: 'a pull of a namespace that the guard would refuse',
    given: () => outside({ name: 'kube-b', sync: undefined }),
    found: ['PP022 Deployment kube-b/web'],
    says: [
      'is not opted in, and the guard of the source does not admit it',
      'Allow the namespace in the configuration: sources[].namespaces of source "upstream", and opt the ' +
        'namespace in: `kubectl annotate namespace kube-b --overwrite pullpass.dev/sync=enabled`;',
    ],
  },
  {
    name: 'a pull of a namespace that lists other sources',
    given: () =>
      outside({ sync: 'enabled', sources: 'second' }, [
        auditedSource(),
        another('second', { content: content({ 'other.corp': 'x' }) }),
      ]),
    found: ['PP022 Deployment b/web', 'PP001 Secret b/second-copy', 'PP043 Source second'].sort(),
    says: [
      'the namespace does not list it (pullpass.dev/sources)',
      'Add "upstream" to the annotation pullpass.dev/sources of the namespace; then have the pods created anew.',
    ],
  },
  {
    name: 'a pull that two sources have a credential for, the first of which the guard refuses',
    given: () =>
      outside({ sync: undefined }, [another('closed', { namespaces: { allow: ['x'], deny: [] } }), auditedSource()]),
    found: ['PP022 Deployment b/web'],
    says: ['source "upstream" has a credential, but the namespace is not opted in.'],
    saysNot: ['"closed"'],
  },
  {
    name: "a pull in a namespace where a tenant's Secret has the copy's name",
    given: () =>
      observation({
        scopes: [goodScope({ serviceAccounts: [account()], copies: [copy({ ours: false })] })],
        workloads: [workload({ pullSecrets: [], failures: [failure({ message: unauthorized })] })],
        pullSecrets: new Map(),
      }),
    found: ['PP003 Secret team-a/regcred', 'PP022 Deployment team-a/web'],
    says: ['the place of its copy is taken by Secret "regcred"', 'See the finding PP003 of that Secret.'],
  },
  {
    name: 'a pull where the source could not be read',
    given: () =>
      observation({
        sources: [badSource('unread')],
        workloads: [
          workload({
            pullSecrets: [],
            pods: 1,
            images: ['registry.corp/app:1'],
            failures: [failure({ image: 'registry.corp/app:1', message: unauthorized })],
          }),
        ],
        scopes: [scope()],
        pullSecrets: new Map(),
      }),
    found: ['PP022 Deployment team-a/web', 'PP024 Registry registry.corp'],
    says: [
      'no pull secret of the pod matches; whether a source has a credential for it is unknown, because the Secret of source "upstream" could not be read.',
      'it is unknown whether a source has a credential, because the Secret of source "upstream" could not be read',
    ],
    saysNot: ['no source has', 'dd a credential'],
  },
  {
    name: 'a pull with a Secret that the ServiceAccount does not have',
    given: () =>
      observation({
        workloads: [workload({ pullSecrets: ['own'], failures: [failure({ message: unauthorized })] })],
        pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/own': content({ 'registry.own': 'x' }) }),
      }),
    found: ['PP022 Deployment team-a/web', 'PP021 Deployment team-a/web'],
    says: ['Have the pods created anew, without pull secrets of their own.'],
  },
  {
    name: 'an image that nobody may pull',
    given: () =>
      observation({
        workloads: [
          workload({
            failures: [
              failure({
                reason: 'ErrImageNeverPull',
                message: 'Container image "nginx:1.27" is not present with pull policy of Never',
              }),
            ],
          }),
        ],
      }),
    found: ['PP022 Deployment team-a/web'],
    says: ['imagePullPolicy is Never and the image is not on the node.', 'Load the image there, or change the policy.'],
    saysNot: ['credential'],
  },
  {
    name: 'a pull whose credential is refused',
    given: () =>
      observation({
        workloads: [workload({ failures: [failure({ reason: 'ErrImagePull', message: unauthorized })] })],
      }),
    found: ['PP022 Deployment team-a/web'],
    says: ['refuses the login; kubelets try the credential "https://index.docker.io/v1/" of Secret "regcred"'],
  },
  {
    name: 'a pull of an init container of pods that are older than the reference',
    given: () =>
      observation({
        workloads: [
          workload({
            pullSecrets: [],
            failures: [failure({ container: 'migrate', containerKind: 'init container', message: unauthorized })],
          }),
        ],
      }),
    found: ['PP022 Deployment team-a/web', 'PP020 Deployment team-a/web'],
    says: ['of init container "migrate"', 'would'],
  },
  {
    name: 'a pull of an ephemeral container with a Secret that may not be read',
    given: () =>
      observation({
        workloads: [
          workload({
            pullSecrets: ['theirs'],
            failures: [failure({ containerKind: 'ephemeral container', container: 'debugger' })],
          }),
        ],
        pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/theirs': 'unseen' }),
      }),
    found: ['PP022 Deployment team-a/web', 'PP021 Deployment team-a/web'],
    says: ['of ephemeral container "debugger"', '"theirs" could not be read'],
  },
  {
    name: 'not found behind a cache proxy',
    given: () =>
      observation({
        proxies: [proxy],
        workloads: [
          workload({ images: ['corp/app:1'], failures: [failure({ image: 'corp/app:1', message: notFound })] }),
        ],
      }),
    found: ['PP022 Deployment team-a/web'],
    says: ['behind cache proxy "hub-cache"', 'revoked upstream login'],
  },
  {
    name: 'not found without a cache proxy',
    given: () =>
      observation({
        workloads: [
          workload({ images: ['corp/app:1'], failures: [failure({ image: 'corp/app:1', message: notFound })] }),
        ],
      }),
    found: ['PP022 Deployment team-a/web'],
    says: ['Correct the name or tag'],
  },
  {
    name: 'a registry that does not answer',
    given: () =>
      observation({
        workloads: [
          workload({ failures: [failure({ message: 'dial tcp: lookup registry-1.docker.io: no such host' })] }),
        ],
      }),
    found: ['PP022 Deployment team-a/web'],
    says: ['Check DNS'],
    saysNot: ['credential', 'pull secret'],
  },
  {
    name: 'a registry that does not answer, and a credential that has ended',
    given: () => {
      const held = content({ [HUB_KEY]: inDays(-1) });
      return observation({
        sources: [auditedSource({ content: held })],
        workloads: [
          workload({ failures: [failure({ message: 'dial tcp 10.0.0.1:443: connect: connection refused' })] }),
        ],
        pullSecrets: secrets({ 'team-a/regcred': held }),
      });
    },
    found: ['PP022 Deployment team-a/web', 'PP042 Source upstream'],
    says: [
      'besides, credential "https://index.docker.io/v1/" of Secret "regcred" ended on 2026-02-28 12:00 UTC.',
      'Then replace that credential in Secret pullpass-system/upstream-registry',
      'Get a new token and put it into Secret pullpass-system/upstream-registry; Pullpass spreads it.',
    ],
  },
  {
    name: 'a name that is no image',
    given: () =>
      observation({
        workloads: [
          workload({
            images: ['Not An Image'],
            failures: [failure({ image: 'Not An Image', reason: 'InvalidImageName' })],
          }),
          workload({ owner: { kind: 'Deployment', name: 'b' } }),
        ],
      }),
    found: ['PP022 Deployment team-a/web'],
    says: ['Correct the name of the image'],
  },

  {
    name: 'one missing image, and pods of many owners that wait for it, some of which say no more than that they wait',
    given: () =>
      observation({
        workloads: [
          workload(),
          ...Array.from({ length: 300 }, (_, i) =>
            workload({
              owner: { kind: 'Job', name: `seed-${String(i).padStart(3, '0')}` },
              pods: 1,
              images: ['corp/app:1'],
              failures: [
                failure({
                  image: 'corp/app:1',
                  message: i % 3 === 0 ? 'Back-off pulling image "corp/app:1"' : notFound,
                }),
              ],
            }),
          ),
          workload({
            pods: 1,
            images: ['corp/app:1'],
            failures: [failure({ image: 'corp/app:1', message: unauthorized })],
          }),
        ],
      }),
    found: ['PP022 Registry docker.io', 'PP022 Deployment team-a/web'],
    says: [
      '300 pods of team-a/Job seed-001, team-a/Job seed-002, team-a/Job seed-004 and 297 more cannot pull "corp/app:1" (ImagePullBackOff): not found;',
      'team-a/Deployment web: 1 pod cannot pull "corp/app:1" (ImagePullBackOff): the registry refuses the login;',
      'Correct the name or tag of the image; some registries also say',
    ],
  },
  {
    name: 'one image in two namespaces that are not opted in: the remedy is of the first, and said to be',
    given: () =>
      observation({
        scopes: [
          goodScope(),
          ...['b', 'c'].map((name) => ({ ...nothingOptedIn(), namespace: namespace({ name, sync: undefined }) })),
        ],
        workloads: [
          workload(),
          ...['b', 'c'].map((name) =>
            workload({ namespace: name, pullSecrets: [], failures: [failure({ message: unauthorized })] }),
          ),
        ],
      }),
    found: ['PP022 Registry docker.io'],
    says: [
      '4 pods of b/Deployment web, c/Deployment web cannot pull "nginx:1.27"',
      'For b/Deployment web: opt the namespace in: `kubectl annotate namespace b --overwrite pullpass.dev/sync=enabled`; then have the pods created anew; the others alike.',
    ],
  },
  {
    name: 'pods with more images than anybody reads about, none of which can be pulled',
    given: () =>
      observation({
        workloads: Array.from({ length: 202 }, (_, i) =>
          workload({
            owner: { kind: 'Job', name: `j${i}` },
            images: [`corp/app:${i}`],
            failures: [failure({ image: `corp/app:${i}`, message: notFound })],
          }),
        ),
      }),
    found: [...Array.from({ length: 201 }, (_, i) => `PP022 Job team-a/j${i}`).sort()],
    says: ['2 more images cannot be pulled by 4 pods: "corp/app:200", "corp/app:201".'],
  },

  // While a source is held back, findings judge by what is in force
  {
    name: 'a pull from a registry that only the copies of a broken source hold',
    given: () => withoutCorp(badSource('invalid', 'is not JSON'), HUB_AND_CORP),
    found: ['PP022 Deployment b/web', 'PP081 Source upstream', 'PP024 Registry registry.corp'],
    says: [
      'source "upstream" has a credential, but the namespace is not opted in',
      'source "upstream" has a credential; opt the namespaces in',
    ],
    saysNot: ['no source has', 'dd a credential'],
  },
  {
    name: 'a pull from a registry that a broken source may have, of which nothing is in force',
    given: () => ({ ...withoutCorp(badSource('invalid', 'is not JSON'), HUB), pullSecrets: new Map() }),
    found: ['PP022 Deployment b/web', 'PP081 Source upstream', 'PP024 Registry registry.corp'],
    says: [
      'whether a source has a credential for it is unknown, because "upstream" cannot be used.',
      'it is unknown whether a source has a credential, because "upstream" cannot be used',
    ],
    saysNot: ['no source has', 'dd a credential'],
  },
  {
    name: 'a pull from a registry whose entry in the source is held back',
    given: () => withoutCorp(auditedSource({ written: HUB_AND_CORP }), HUB),
    found: ['PP022 Deployment b/web', 'PP024 Registry registry.corp'],
    says: [
      'source "upstream" has an entry for it, which is held back and not in force',
      'See the finding PP082 of source "upstream".',
      'source "upstream" has an entry for it that is not in force yet: see the findings about it.',
    ],
    saysNot: ['no source has', 'dd a credential'],
  },
  {
    name: 'a pull from a registry that only the canaries have a login for',
    given: () => withoutCorp(auditedSource({ written: HUB_AND_CORP, next: HUB_AND_CORP }), HUB),
    found: ['PP022 Deployment b/web', 'PP024 Registry registry.corp'],
    says: [
      'source "upstream" has a credential for it, which only the canaries have so far',
      '`pullpass wait --config FILE --source upstream`',
    ],
    saysNot: ['no source has', 'dd a credential'],
  },
  {
    name: 'a credential that is in force, that no image needs, and that the source no longer has',
    given: () =>
      observation({
        sources: [auditedSource({ content: HUB_AND_CORP, written: HUB })],
        pullSecrets: secrets({ 'team-a/regcred': HUB_AND_CORP }),
      }),
    found: [],
  },
  {
    name: "Docker Hub's own entry behind another one in force, which the source no longer has",
    given: () => {
      const held = content({ [HUB_KEY]: 'a', 'docker.io': 'b' });
      return observation({
        sources: [auditedSource({ content: held, written: content({ [HUB_KEY]: 'a' }) })],
        pullSecrets: secrets({ 'team-a/regcred': held }),
      });
    },
    found: ['PP044 Source upstream'],
  },
  {
    name: 'two logins for Docker Hub in the source, of which one is held back',
    given: () => observation({ sources: [auditedSource({ written: content({ [HUB_KEY]: 'a', 'docker.io': 'b' }) })] }),
    found: [],
  },
  {
    name: 'a login in force that has ended, while a newer one is held back',
    given: () => {
      const held = content({ [HUB_KEY]: inDays(-1) });
      return observation({
        sources: [auditedSource({ content: held, written: content({ [HUB_KEY]: inDays(300) }) })],
        pullSecrets: secrets({ 'team-a/regcred': held }),
      });
    },
    found: ['PP042 Source upstream'],
    says: [
      'Secret pullpass-system/upstream-registry has another login for it, which is not in force: see why in the finding PP082',
    ],
  },
  {
    name: 'a login in the source that has ended, while the one in force is good',
    given: () => observation({ sources: [auditedSource({ written: content({ [HUB_KEY]: inDays(-1) }) })] }),
    found: [],
  },
  {
    name: 'a login at the canaries that ends, beside one that does not',
    given: () => observation({ sources: [auditedSource({ next: content({ [HUB_KEY]: inDays(1) }) })] }),
    found: ['PP041 Source upstream'],
  },
  {
    name: 'something suspicious in a source that is held back',
    given: () => observation({ sources: [auditedSource({ written: content({ [HUB_KEY]: 'x\n' }) })] }),
    found: ['PP084 Source upstream'],
  },
  {
    name: 'something suspicious in what is in force, which the source no longer has',
    given: () => observation({ sources: [auditedSource({ content: content({ [HUB_KEY]: 'x\n' }), written: HUB })] }),
    found: [],
  },

  // Registries
  {
    name: 'a registry of unknown access without a credential',
    given: () =>
      observation({
        workloads: [
          workload(),
          workload({ owner: { kind: 'DaemonSet', name: 'agent' }, images: ['registry.corp/agent:2'] }),
        ],
      }),
    found: ['PP024 Registry registry.corp'],
    says: ['team-a/DaemonSet agent', 'add a credential for the registry to a source'],
  },
  {
    name: 'a registry that a source has a credential for, in a namespace that is not opted in',
    given: () =>
      observation({
        sources: [auditedSource({ content: HUB_AND_CORP })],
        scopes: [goodScope(), { ...nothingOptedIn(), namespace: namespace({ name: 'b', sync: undefined }) }],
        workloads: [workload(), workload({ namespace: 'b', pullSecrets: [], images: ['registry.corp/agent:2'] })],
        pullSecrets: secrets({ 'team-a/regcred': HUB_AND_CORP }),
      }),
    found: ['PP024 Registry registry.corp'],
    says: ['source "upstream" has a credential; opt the namespaces in, or have the pods created anew.'],
    saysNot: ['add a credential'],
  },
  {
    name: "a cloud's own registry, where nodes log in",
    given: () =>
      observation({
        workloads: [workload(), workload({ images: ['123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:1'] })],
      }),
    found: [],
  },
  {
    name: 'a registry past the cache proxies',
    given: () => observation({ proxies: [proxy], workloads: [workload(), workload({ images: ['quay.io/x/y:1'] })] }),
    found: ['PP025 Registry quay.io'],
    says: ['is pulled through no cache proxy.'],
  },
  {
    name: 'images by digest behind kube-image-keeper',
    given: () =>
      observation({
        proxies: [{ ...proxy, name: 'kuik', kind: 'kube-image-keeper' }],
        workloads: [workload({ images: [`nginx@${DIGEST}`] })],
      }),
    found: ['PP023 CacheProxy kuik'],
    says: ['1 image of 2 pods goes past it'],
  },
  {
    name: 'images by digest behind a cache that serves them',
    given: () => observation({ proxies: [proxy], workloads: [workload({ images: [`nginx@${DIGEST}`] })] }),
    found: [],
  },

  {
    name: 'Docker Hub without a login, behind a cache proxy or kube-image-keeper, or unseen, or of a static pod',
    given: () => {
      const bare = { pullSecrets: [], serviceAccount: 'bare', images: ['redis:8'] };
      const given = [
        observation({ proxies: [proxy], workloads: [workload(), workload(bare)] }),
        observation({ workloads: [workload(), workload({ ...bare, rewritten: ['redis:8'] })] }),
        observation({ workloads: [workload(), workload({ ...bare, isStatic: true })] }),
        observation({
          workloads: [workload(), workload({ ...bare, pullSecrets: ['theirs'] })],
          pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/theirs': 'unseen' }),
        }),
      ];
      return given.find((each) => linesOf(each).length > 0) ?? observation();
    },
    found: [],
  },
  {
    name: 'Docker Hub without a login, without Pullpass',
    given: () =>
      observation({
        configured: false,
        sources: [],
        scopes: [nothingOptedIn()],
        workloads: [workload({ pullSecrets: [], images: ['redis:8', 'nginx'] })],
        pullSecrets: new Map(),
      }),
    found: ['PP028 Registry docker.io'],
    says: ['2 images of Docker Hub are pulled anonymously for 2 pods', 'Give the ServiceAccounts a pull Secret'],
    saysNot: ['source'],
  },
  {
    name: 'a private image that kube-image-keeper v1 pulls, without a credential',
    given: () =>
      observation({
        proxies: [proxy],
        workloads: [
          workload(),
          workload({
            owner: { kind: 'Deployment', name: 'b' },
            images: ['registry.corp/app:1'],
            rewritten: ['registry.corp/app:1'],
            failures: [
              failure({ image: 'registry.corp/app:1', message: 'localhost:7439/registry.corp/app:1: not found' }),
            ],
          }),
        ],
      }),
    found: ['PP022 Deployment team-a/b', 'PP024 Registry registry.corp'],
    says: [
      'not found, behind kube-image-keeper, which pulls with the pull Secrets of the pods: a refused login can look the same; no pull secret of the pods matches',
    ],
    saysNot: ['pulled through no cache proxy'],
  },
  {
    name: 'images past kube-image-keeper v1: one by digest, and one that it did not rewrite',
    given: () =>
      observation({
        proxies: [{ ...proxy, registry: 'docker.io' }],
        workloads: [
          workload(),
          workload({ images: ['quay.io/x/y:1'], rewritten: ['quay.io/x/y:1'] }),
          workload({ images: ['quay.io/x/z:2'] }),
          workload({ images: [`quay.io/x/y@${DIGEST}`], pods: 3 }),
        ],
      }),
    found: ['PP023 CacheProxy kube-image-keeper', 'PP025 Registry quay.io'],
    says: [
      'kube-image-keeper version 1 cannot serve images by digest: 1 image of 3 pods goes past it',
      'quay.io: 2 images of 5 pods are pulled through no cache proxy.',
    ],
  },

  // Credentials
  {
    name: 'a credential that its registry refuses',
    given: () =>
      observation({
        registries: [
          {
            source: 'upstream',
            key: HUB_KEY,
            state: 'refused',
            why: '401 from https://auth.docker.io',
            since: '2026-02-28T09:00:00Z',
          },
        ],
      }),
    found: ['PP040 Source upstream'],
    says: ['since 2026-02-28T09:00:00Z'],
  },
  {
    name: 'a credential of which nothing is known',
    given: () => observation({ registries: [{ source: 'upstream', key: HUB_KEY, state: 'unknown', why: 'no route' }] }),
    found: [],
  },
  {
    name: 'a token that ends in a week',
    given: () => {
      const held = content({ [HUB_KEY]: inDays(7) });
      return observation({
        sources: [auditedSource({ content: held })],
        pullSecrets: secrets({ 'team-a/regcred': held }),
      });
    },
    found: ['PP041 Source upstream'],
    says: ['ends on 2026-03-08 12:00 UTC, in 7 days', 'put it into Secret pullpass-system/upstream-registry'],
  },
  {
    name: 'a token that ends in a year',
    given: () => {
      const held = content({ [HUB_KEY]: inDays(365) });
      return observation({
        sources: [auditedSource({ content: held })],
        pullSecrets: secrets({ 'team-a/regcred': held }),
      });
    },
    found: [],
  },
  { name: 'a password of ECR that has ended', given: () => withEcr(-1), found: ['PP042 Source upstream'] },
  { name: 'a password of ECR with a third of its twelve hours left', given: () => withEcr(4 * 60), found: [] },
  {
    name: 'a password of ECR with a sixth of its twelve hours left, in a Secret as old as it',
    given: () => withEcr(2 * 60, 10),
    found: ['PP041 Source upstream'],
    says: ['ends on 2026-03-01 14:00 UTC, in 2 hours'],
  },
  { name: 'the same in an older Secret: something renews it', given: () => withEcr(2 * 60, 17), found: [] },
  {
    name: 'a password of ECR that something renewed, and did not this time',
    given: () => withEcr(30, 17),
    found: ['PP041 Source upstream'],
    says: ['in 30 minutes'],
  },
  { name: 'a token that OpenShift renews by itself', given: () => byOpenShift(10), found: [] },
  { name: 'a token that OpenShift is about to renew', given: () => byOpenShift(-50), found: [] },
  {
    name: 'a token that OpenShift did not renew',
    given: () => byOpenShift(-61),
    found: ['PP042 Secret team-a/default-dockercfg-x'],
    says: ['OpenShift renews this Secret by itself, and did not: look at the log of openshift-controller-manager.'],
  },
  {
    name: "a tenant's token that has ended, in two namespaces",
    given: () => {
      const held = content({ 'registry.own': inDays(-1) });
      return observation({ pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/own': held, 'team-b/own': held }) });
    },
    found: ['PP042 Secret team-a/own', 'PP046 Secret team-a/own'],
    says: [
      '2 Secrets have the same login for "registry.own": team-a/own, team-b/own.',
      '1 Secret of the same content',
      'Get a new token and put it into Secret team-a/own, and into the others of the same content.',
    ],
  },
  {
    name: 'a credential that no image needs',
    given: () =>
      observation({
        sources: [auditedSource({ content: HUB_AND_CORP })],
        pullSecrets: secrets({ 'team-a/regcred': HUB_AND_CORP }),
      }),
    found: ['PP043 Source upstream'],
    says: ['"registry.corp"', 'remove the entry from Secret pullpass-system/upstream-registry'],
  },
  {
    name: 'a credential that no image needs, as far as one namespace tells',
    given: () =>
      observation({
        only: ['team-a'],
        sources: [auditedSource({ content: HUB_AND_CORP })],
        pullSecrets: secrets({ 'team-a/regcred': HUB_AND_CORP }),
      }),
    found: [],
  },
  {
    name: 'a credential under a name that is not the one of Docker Hub',
    given: () => {
      const held = dockerConfig(JSON.stringify({ auths: { 'docker.com': { username: 'u', password: 'p' } } }));
      return observation({
        sources: [auditedSource({ content: held })],
        pullSecrets: secrets({ 'team-a/regcred': held }),
      });
    },
    found: ['PP084 Source upstream', 'PP028 Registry docker.io'],
    says: ['registry "docker.com": kubelets never use this key for Docker Hub; write https://index.docker.io/v1/'],
  },
  {
    name: 'a key that is only for images that name its host, beside the right one, and no image does',
    given: () => {
      const held = dockerConfig(
        JSON.stringify({
          auths: {
            [HUB_KEY]: { username: 'u', password: 'p' },
            'registry-1.docker.io': { username: 'u', password: 'p' },
          },
        }),
      );
      return observation({
        sources: [auditedSource({ content: held })],
        pullSecrets: secrets({ 'team-a/regcred': held }),
      });
    },
    found: ['PP043 Source upstream'],
  },
  {
    name: 'images on a host that is no registry, pulled or failing, whatever credentials there are',
    given: () => {
      const held = content({ [HUB_KEY]: 'x', 'hub.docker.com': 'x' });
      return observation({
        proxies: [proxy],
        sources: [auditedSource({ content: held })],
        pullSecrets: secrets({ 'team-a/regcred': held }),
        workloads: [
          workload({ images: ['nginx:1', 'hub.docker.com/library/nginx:1'] }),
          workload({
            owner: { kind: 'Job', name: 'seed' },
            images: ['docker.com/corp/app:1'],
            failures: [failure({ image: 'docker.com/corp/app:1', message: 'not found' })],
          }),
        ],
      });
    },
    found: ['PP022 Job team-a/seed', 'PP029 Deployment team-a/web', 'PP029 Job team-a/seed', 'PP084 Source upstream'],
    says: [
      'hub.docker.com is no registry; on Docker Hub the image is docker.io/library/nginx',
      'docker.com is no registry; on Docker Hub the image is docker.io/corp/app',
    ],
  },
  {
    name: "Docker Hub's own entry behind another with another login",
    given: () => {
      const held = content({ [HUB_KEY]: 'a', 'docker.io': 'b' });
      return observation({
        sources: [auditedSource({ content: held })],
        pullSecrets: secrets({ 'team-a/regcred': held }),
      });
    },
    found: ['PP044 Source upstream'],
    says: ['is never used: "docker.io" comes first'],
  },
  {
    name: 'two Secrets with different logins for one registry',
    given: () =>
      observation({
        scopes: [
          goodScope({
            serviceAccounts: [account({ pullSecrets: ['own', 'regcred'], added: 'regcred', annotated: true })],
          }),
        ],
        workloads: [workload({ pullSecrets: ['own', 'regcred'] })],
        pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/own': content({ [HUB_KEY]: 'another' }) }),
      }),
    found: ['PP044 ServiceAccount team-a/default'],
    says: [
      'ServiceAccount "default" in team-a pulls with Secret "own" before "regcred", and they have different logins for',
    ],
  },
  {
    name: 'two Secrets with the same login',
    given: () =>
      observation({
        scopes: [
          goodScope({
            serviceAccounts: [account({ pullSecrets: ['own', 'regcred'], added: 'regcred', annotated: true })],
          }),
        ],
        workloads: [workload({ pullSecrets: ['own', 'regcred'] })],
        pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/own': HUB }),
      }),
    found: [],
  },

  {
    name: 'logins of user accounts',
    given: () => {
      const mine = content({ [HUB_KEY]: 'jane@corp.example:x' });
      const token = content({ 'ghcr.io': 'jane:ghp_0123456789' });
      return observation({
        sources: [auditedSource({ content: mine })],
        pullSecrets: secrets({ 'team-a/regcred': mine }),
        allPullSecrets: [
          listed('team-b/ghcr', token),
          listed('team-c/hub', content({ 'docker.io': 'jane:dckr_pat_0123456789' })),
        ],
      });
    },
    found: ['PP045 Source upstream', 'PP045 Secret team-b/ghcr', 'PP045 Secret team-c/hub'],
    says: [
      'Credential "https://index.docker.io/v1/" of source "upstream" is of a user account: its user name is an e-mail address.',
      'Credential "ghcr.io" of Secret "ghcr" in team-b is of a user account: its password begins as a personal token of GitHub.',
    ],
    saysNot: ['jane', 'ghp_', 'dckr_pat_', '0123456789'],
  },
  {
    name: 'the login of a source in other Secrets, which a rotation does not reach',
    given: () =>
      observation({
        allPullSecrets: [
          listed('pullpass-system/upstream-registry', HUB),
          listed('team-a/regcred', HUB, 'copy'),
          listed('team-b/hub', content({ 'docker.io': 'hub-password', 'quay.io': 'q' })),
          listed('team-c/hub', HUB, 'Helm'),
          listed('team-d/kuik', HUB, 'kube-image-keeper'),
        ],
      }),
    found: ['PP046 Source upstream'],
    says: [
      'The login of source "upstream" for "https://index.docker.io/v1/" is also in 2 Secrets that Pullpass does not manage: ' +
        'team-b/hub, team-c/hub. A rotation of Secret pullpass-system/upstream-registry does not reach them.',
    ],
    saysNot: ['hub-password'],
  },
  {
    name: 'copies in the middle of a rotation, of which two still have the login from before',
    given: () => {
      const old = content({ [HUB_KEY]: 'old' });
      return observation({
        scopes: [goodScope({ copies: [copy({ digest: 'old' })] })],
        pullSecrets: secrets({ 'team-a/regcred': old, 'team-b/regcred': 'missing' }),
        allPullSecrets: [listed('team-a/regcred', old, 'copy'), listed('team-b/regcred', old, 'copy')],
      });
    },
    found: ['PP002 Secret team-a/regcred', 'PP083 Source upstream'],
  },
  {
    name: 'two such copies, in the eyes of the controller, which may not list Secrets',
    given: () => {
      const old = content({ [HUB_KEY]: 'old' });
      const behind = (name: string) =>
        goodScope({
          namespace: namespace({ name }),
          serviceAccounts: [account({ namespace: name, pullSecrets: ['regcred'], added: 'regcred', annotated: true })],
          copies: [copy({ namespace: name, digest: 'old' })],
        });
      return observation({
        scopes: [behind('team-a'), behind('team-b')],
        pullSecrets: secrets({ 'team-a/regcred': old, 'team-b/regcred': old }),
      });
    },
    found: ['PP002 Secret team-a/regcred', 'PP002 Secret team-b/regcred', 'PP083 Source upstream'],
  },
  {
    name: 'subjects that may read every Secret',
    given: () =>
      observation({
        secretReaders: [
          { kind: 'Group', name: 'ops', verbs: ['get', 'list', 'watch'], roles: ['cluster-admin'] },
          { kind: 'ServiceAccount', namespace: 'argocd', name: 'controller', verbs: ['list'], roles: ['a', 'b', 'c'] },
        ],
      }),
    found: ['PP047 Configuration pullpass'],
    says: [
      '2 subjects of RBAC may read every Secret of the cluster, and so the copies of the source: Group "ops" (get, list, watch: ' +
        'ClusterRole "cluster-admin"), ServiceAccount argocd/controller (list: ClusterRoles "a", "b" and 1 more).',
    ],
  },

  // Cache proxies
  { name: 'a cache proxy that works', given: () => observation({ proxies: [proxy] }), found: [] },
  {
    name: 'a cache proxy that was not given the login',
    given: () =>
      observation({
        proxies: [{ ...proxy, applied: false, done: false, verified: 'unknown', why: 'connection refused' }],
      }),
    found: ['PP060 CacheProxy hub-cache', 'PP083 Source upstream'],
    says: ['0 of 1 cache proxy'],
  },
  {
    name: 'a cache proxy that nobody verified',
    given: () => observation({ proxies: [{ ...proxy, verified: 'unknown', why: 'no probe is configured' }] }),
    found: ['PP061 CacheProxy hub-cache'],
  },
  {
    name: 'a cache proxy that may still work with the login before: the rotation goes on, and nothing is to be done',
    given: () =>
      observation({ proxies: [{ ...proxy, done: false, verified: 'unknown', reason: 'settling', why: 'until noon' }] }),
    found: ['PP083 Source upstream'],
    says: ['0 of 1 cache proxy'],
  },
  {
    name: 'a cache proxy that may hold all that could prove its login',
    given: () =>
      observation({ proxies: [{ ...proxy, done: false, verified: 'unknown', reason: 'held already', why: 'w' }] }),
    found: ['PP061 CacheProxy hub-cache', 'PP083 Source upstream'],
    says: ['is unknown: held already: w', 'Push a new tag to the repository of the probe'],
  },
  {
    name: 'a cache proxy that was proven, and whose registry is down now',
    given: () => observation({ proxies: [{ ...proxy, verified: 'unknown', reason: 'upstream', why: 'w' }] }),
    found: ['PP061 CacheProxy hub-cache'],
    says: ['is unknown: upstream: w', 'Let the controller reach the registry'],
  },
  {
    name: 'a product without an endpoint that could be asked for an image',
    given: () =>
      observation({
        proxies: ['kube-image-keeper', 'kube-fledged', 'image-puller'].map((kind) => ({
          ...proxy,
          name: kind,
          kind,
          verified: 'unknown' as const,
          why: 'no probe is configured',
        })),
      }),
    found: [],
  },
  {
    name: 'a cache proxy whose login is refused',
    given: () =>
      observation({ proxies: [{ ...proxy, done: false, verified: 'refused', why: '404 for corp/app:1.0' }] }),
    found: ['PP062 CacheProxy hub-cache', 'PP083 Source upstream'],
  },
  {
    name: 'a cache proxy for a registry that the source does not have',
    given: () =>
      observation({
        proxies: [{ ...proxy, registry: 'quay.io', applied: false, done: false, verified: 'unknown' }],
        workloads: [workload()],
      }),
    found: ['PP063 CacheProxy hub-cache', 'PP083 Source upstream', 'PP025 Registry docker.io'],
  },
  {
    name: 'a cache proxy with an identity token',
    given: () => {
      const held = dockerConfig(JSON.stringify({ auths: { [HUB_KEY]: { identitytoken: 'x' } } }));
      return observation({
        proxies: [proxy],
        sources: [auditedSource({ content: { ...held, warnings: [] } })],
        pullSecrets: secrets({ 'team-a/regcred': held }),
      });
    },
    found: ['PP026 Deployment team-a/web', 'PP063 CacheProxy hub-cache'],
    says: ['only an identity token'],
  },
  {
    name: 'Secrets that a cache proxy made of a login that was rotated since',
    given: () =>
      observation({
        proxies: [proxy],
        derived: [
          {
            proxy: 'hub-cache',
            source: 'upstream',
            registry: 'docker.io',
            line: '1 of 2 Secrets that kube-image-keeper made of the copy holds another login: namespace b',
            selector: 'kuik.enix.io/owner-uid=u-1',
          },
        ],
      }),
    found: ['PP064 CacheProxy hub-cache'],
    says: [
      'Cache proxy "hub-cache" has the login of source "upstream" for "docker.io", but 1 of 2 Secrets that kube-image-keeper made of the copy holds another login: namespace b.',
      '(`kubectl get secrets --all-namespaces --selector kuik.enix.io/owner-uid=u-1`)',
    ],
  },
  {
    name: 'aliases for mirrors of CRI-O: one with a key that it cannot use, and a ServiceAccount that may not list Secrets',
    given: () =>
      withCrio({ crio: 2, all: 3, cannotList: [{ namespace: 'team-a', name: 'default', sources: ['upstream'] }] }),
    found: ['PP065 Source upstream', 'PP065 Source upstream'],
    says: [
      'CRI-O runs on 2 of 3 nodes. No image of any pod names alias "mirror.corp:5000/v1/" of source "upstream", and as the key of a mirror CRI-O finds no login under it: it ends with "/".',
      "1 ServiceAccount of running pods may not list Secrets, so that CRI-O's credential provider finds no login for them: team-a/default.",
      'no image names alias "mirror.corp:5000" of source "upstream"',
      '`pullpass rbac --crio` prints the rights',
    ],
  },
  {
    name: 'the same aliases, with no node that runs CRI-O',
    given: () => withCrio({ crio: 0, all: 3, cannotList: [] }),
    found: [],
  },
  {
    name: 'the same aliases, in an audit that could not see which runtime the nodes have',
    given: () => withCrio(undefined),
    found: [],
  },
  {
    name: 'an alias that images name: kubelets use it, whatever CRI-O makes of it',
    given: () => ({
      ...withCrio({ crio: 3, all: 3, cannotList: [] }),
      workloads: [
        workload(),
        workload({ owner: { kind: 'Deployment', name: 'other' }, images: ['mirror.corp:5000/v1/app:1'] }),
      ],
    }),
    found: [],
  },
  {
    name: 'pods whose only matching entry has no password',
    given: () =>
      observation({
        workloads: [workload()],
        pullSecrets: secrets({
          'team-a/regcred': dockerConfig(JSON.stringify({ auths: { [HUB_KEY]: { username: 'u' } } })),
        }),
      }),
    found: ['PP026 Deployment team-a/web'],
    says: ['has no password'],
  },

  // Sources
  {
    name: 'a source that does not exist',
    given: () =>
      observation({ sources: [badSource('missing')], scopes: [scope()], workloads: [], pullSecrets: new Map() }),
    found: ['PP080 Source upstream'],
    says: ['1 namespace waits for a first copy'],
    saysNot: ['does not reference'],
  },
  {
    name: 'a source that was broken after its copies were made',
    given: () =>
      observation({ sources: [badSource('invalid', 'is not JSON')], pullSecrets: secrets({ 'team-a/regcred': HUB }) }),
    found: ['PP081 Source upstream'],
    says: [
      'cannot be used: Secret pullpass-system/upstream-registry is not JSON. 1 copy keeps the last good content.',
      'Mend Secret pullpass-system/upstream-registry',
    ],
  },
  {
    name: 'a source whose new content is held back',
    given: () => observation({ heldBack: [{ source: 'upstream', why: 'docker.io refuses the login: 401' }] }),
    found: ['PP082 Source upstream'],
    says: [
      'docker.io refuses the login: 401.',
      'Put a working credential into Secret pullpass-system/upstream-registry. Do not revoke the old one',
    ],
  },
  {
    name: 'a rotation half-way',
    given: () =>
      observation({
        scopes: [
          goodScope(),
          goodScope({
            namespace: namespace({ name: 'b' }),
            serviceAccounts: [account({ namespace: 'b', pullSecrets: ['regcred'], added: 'regcred', annotated: true })],
            copies: [copy({ namespace: 'b', digest: 'old' })],
          }),
        ],
        pullSecrets: secrets({ 'team-a/regcred': HUB, 'b/regcred': HUB }),
      }),
    found: ['PP002 Secret b/regcred', 'PP083 Source upstream'],
    says: ['is in 1 of 2 copies', '`pullpass wait --config FILE --source upstream`'],
  },
  {
    name: 'a source with an entry that kubelets ignore',
    given: () => {
      const held = content({ [HUB_KEY]: 'x\n' });
      return observation({
        sources: [auditedSource({ content: held })],
        pullSecrets: secrets({ 'team-a/regcred': held }),
      });
    },
    found: ['PP084 Source upstream'],
    says: ['ends with a line break', 'Correct Secret pullpass-system/upstream-registry'],
  },

  {
    name: 'two thousand namespaces that wait for a source without its Secret',
    given: () =>
      observation({
        sources: [badSource('missing')],
        scopes: Array.from({ length: 2_000 }, (_, i) => scope({ namespace: namespace({ name: `n${i}` }) })),
        workloads: [],
        pullSecrets: new Map(),
      }),
    found: ['PP080 Source upstream'],
    says: ['2000 namespaces wait for a first copy'],
  },
  {
    name: 'a source that the controller has not taken over, and a minute has passed',
    given: () => fresh(60_000),
    found: [],
  },
  {
    name: 'a source that the controller has not taken over, and many minutes have passed',
    given: () => fresh(600_000),
    found: ['PP001 Source upstream'],
    says: ['The controller has not taken over source "upstream" yet: 2 namespaces wait for a first copy.'],
  },

  // The controller
  {
    name: 'a controller that may read every Secret',
    given: () =>
      observation({
        grants: [
          { role: { kind: 'ClusterRole', name: 'admin' }, verbs: ['get', 'list'], names: [] },
          { role: { kind: 'ClusterRole', name: 'pullpass' }, verbs: ['get'], names: ['regcred'] },
        ],
      }),
    found: ['PP090 ClusterRole admin'],
    says: [
      'lets the controller get, list every Secret in the cluster',
      '`kubectl get clusterrolebindings,rolebindings -A -o wide | grep admin`, remove the one for the ' +
        'controller, and apply the output of `pullpass rbac --config FILE`',
    ],
  },
  {
    name: 'a guard that shuts out eleven namespaces at once',
    given: () => shutOut(11),
    found: ['PP092 Configuration pullpass'],
    says: [
      'away from 11 namespaces (team-00, team-01, team-02, team-03, team-04 and 6 more); 11 have a copy, and no more than 10 may lose something',
      'add this line to it: `confirmRemoval: "0123456789ab"`',
    ],
    saysNot: ['check that it runs'],
  },
  {
    name: 'a guard that shuts out eleven, as confirmed',
    given: () => shutOut(11, 'this'),
    found: Array.from({ length: 11 }, (_, i) => `PP004 Secret team-${String(i).padStart(2, '0')}/regcred`),
  },
  { name: 'a pause', given: () => observation({ paused: true }), found: ['PP093 Configuration pullpass'] },
  {
    name: 'a controller that went silent',
    given: () =>
      observation({ lease: { namespace: 'pullpass-system', holder: 'pullpass-0', renewedAt: NOW - 120_000 } }),
    found: ['PP091 Lease pullpass-system/pullpass-controller'],
    says: ['no controller runs.'],
  },

  // Without a configuration
  {
    name: 'a cluster without Pullpass',
    given: () =>
      observation({
        configured: false,
        sources: [],
        scopes: [
          scope({ namespace: namespace({ sync: undefined }), serviceAccounts: [account({ pullSecrets: ['mine'] })] }),
        ],
        workloads: [
          workload({
            pullSecrets: [],
            images: ['registry.corp/app:1'],
            failures: [failure({ image: 'registry.corp/app:1', message: unauthorized })],
          }),
        ],
        pullSecrets: secrets({ 'team-a/mine': content({ 'registry.corp': 'x' }) }),
      }),
    found: ['PP022 Deployment team-a/web', 'PP020 Deployment team-a/web', 'PP024 Registry registry.corp'],
    saysNot: ['source'],
  },
  {
    name: 'a pull without a credential in a cluster without Pullpass',
    given: () =>
      observation({
        configured: false,
        sources: [],
        scopes: [nothingOptedIn()],
        workloads: [
          workload({
            pullSecrets: [],
            images: ['registry.corp/app:1'],
            failures: [failure({ image: 'registry.corp/app:1', message: unauthorized })],
          }),
        ],
        pullSecrets: new Map(),
      }),
    found: ['PP022 Deployment team-a/web', 'PP024 Registry registry.corp'],
    says: [
      'no pull secret of the pods matches.',
      'Give the ServiceAccount a pull Secret for this registry, then have the pods created anew.',
    ],
    saysNot: ['source'],
  },
  {
    name: 'a list of sources, and no configuration',
    given: () =>
      observation({
        configured: false,
        sources: [],
        scopes: [scope({ namespace: namespace({ sources: 'upstream' }) })],
        workloads: [],
        pullSecrets: new Map(),
      }),
    found: [],
  },
];

describe('exactly these findings for', () => {
  test.each(CASES)('$name', ({ given, found, says = [], saysNot = [] }) => {
    const observed = given();
    expect(linesOf(observed)).toEqual(found);
    const text = findingsOf(observed)
      .map(({ message, remedy }) => `${message}\n${remedy}`)
      .join('\n');
    for (const words of says) expect(text).toContain(words);
    for (const words of saysNot) expect(text).not.toContain(words);
  });
});

test('every rule is shown by a golden cluster', () => {
  const shown = new Set(CASES.flatMap(({ found }) => found.map((line) => line.slice(0, 5))));
  expect(RULES.map(({ id }) => id).filter((id) => !shown.has(id))).toEqual([]);
});

describe('texts', () => {
  const texts = [
    ...CASES.flatMap(({ given }) => findingsOf(given()).flatMap(({ message, remedy }) => [message, remedy])),
    ...RULES.map(({ remedy }) => remedy),
  ];
  const all = [...new Set(texts)];

  test('end with a full stop, or with a command in backticks and none', () => {
    expect(all.filter((text) => !/(?:[^`]\.|`)$/.test(text))).toEqual([]);
  });

  test('have every command in backticks', () => {
    expect(
      all.filter(
        (text) => text.split('`').length % 2 === 0 || /kubectl |pullpass [a-z]+ --/.test(text.replace(/`[^`]*`/g, '')),
      ),
    ).toEqual([]);
  });
});
