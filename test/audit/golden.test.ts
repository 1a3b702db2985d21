/** Golden clusters: each broken state gives exactly its findings, and one in order gives none. */
import { describe, expect, test } from 'vitest';
import type { Observation } from '../../src/audit/observation.ts';
import { createFacts } from '../../src/audit/facts.ts';
import { RULES, findingsOf } from '../../src/audit/rules/index.ts';
import { account, copy, namespace, scope } from '../plan/observations.ts';
import { HUB, HUB_KEY, NOW, auditedSource, badSource, content, dockerConfig, failure, goodScope, linesOf, nothingOptedIn, observation, secrets, workload } from './observations.ts';

const jwt = (exp: number): string => `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify({ exp })).toString('base64url')}.x`;
const inDays = (days: number): string => jwt(NOW / 1000 + days * 86_400);
const proxy = { name: 'hub-cache', kind: 'distribution', source: 'upstream', registry: 'docker.io', applied: true, verified: 'verified', why: 'pulled corp/app:1.0 through it' } as const;
const unauthorized = 'failed to pull and unpack image "registry.corp/app:1": failed to resolve reference "registry.corp/app:1": pull access denied, repository does not exist or may require authorization: 401 Unauthorized';
const notFound = 'Back-off pulling image "corp/app:1": ErrImagePull: failed to resolve image: docker.io/corp/app:1: not found';
const HUB_AND_CORP = content({ [HUB_KEY]: 'hub-password', 'registry.corp': 'corp-password' });
const DIGEST = `sha256:${'a'.repeat(64)}`;

interface Case {
  readonly name: string;
  readonly given: () => Observation;
  readonly found: readonly string[];
  /** Words that must stand in the message or the remedy of one of them. */
  readonly says?: readonly string[];
}

const CASES: readonly Case[] = [
  { name: 'a cluster in order', given: () => observation(), found: [] },
  { name: 'an empty cluster', given: () => observation({ scopes: [], workloads: [] }), found: [] },
  { name: 'public images of namespaces that never opted in', given: () => observation({ scopes: [goodScope(), { ...nothingOptedIn(), namespace: namespace({ name: 'b', sync: undefined }) }], workloads: [workload(), workload({ namespace: 'b', pullSecrets: [], images: ['registry.k8s.io/pause:3.10', 'redis'] })] }), found: [] },
  { name: 'static pods of a node', given: () => observation({ workloads: [workload(), workload({ namespace: 'kube-system', owner: { kind: 'Pod', name: 'etcd' }, pullSecrets: [], isStatic: true, images: ['registry.k8s.io/etcd:3.6'] })] }), found: [] },

  // Copies and references
  { name: 'a namespace that just opted in, and no controller', given: () => observation({ scopes: [scope()], workloads: [] }), found: ['PP001 Secret team-a/regcred', 'PP005 ServiceAccount team-a/default'] },
  { name: 'a copy that was deleted', given: () => observation({ scopes: [goodScope({ copies: [] })], pullSecrets: secrets({ 'team-a/regcred': 'missing' }) }), found: ['PP001 Secret team-a/regcred'] },
  { name: 'a copy with an older content', given: () => observation({ scopes: [goodScope({ copies: [copy({ digest: 'old' })] })] }), found: ['PP002 Secret team-a/regcred', 'PP083 Source upstream'], says: ['does not hold the content of source "upstream"', 'the old credential is still needed'] },
  { name: 'a copy of the wrong type', given: () => observation({ scopes: [goodScope({ copies: [copy({ type: 'Opaque' })] })] }), found: ['PP002 Secret team-a/regcred', 'PP083 Source upstream'], says: ['wrong type, "Opaque"'] },
  { name: "a Secret of the tenant in the copy's place", given: () => observation({ scopes: [goodScope({ copies: [copy({ ours: false, digest: 'theirs' })] })] }), found: ['PP003 Secret team-a/regcred'], says: ['pullpass.dev/adopt="true"'] },
  { name: 'a copy and a reference after the namespace opted out', given: () => observation({ scopes: [goodScope({ namespace: namespace({ sync: 'disabled' }) })], workloads: [] }), found: ['PP004 Secret team-a/regcred', 'PP010 ServiceAccount team-a/default'], says: ['not opted in to source "upstream" (disabled)'] },
  { name: 'a copy under the name of a source that was dropped', given: () => observation({ strayCopies: [{ namespace: 'team-b', name: 'old-copy', source: 'dropped' }] }), found: ['PP004 Secret team-b/old-copy'], says: ['retiredCopyNames'] },
  { name: 'a ServiceAccount that lost its reference', given: () => observation({ scopes: [goodScope({ serviceAccounts: [account()] })] }), found: ['PP005 ServiceAccount team-a/default'] },
  { name: 'a ServiceAccount without a reference to a source that cannot be read', given: () => observation({ sources: [badSource('unread')], scopes: [scope()], workloads: [], pullSecrets: new Map() }), found: ['PP005 ServiceAccount team-a/default'] },
  { name: 'a namespace that is being deleted', given: () => observation({ scopes: [scope({ namespace: namespace({ terminating: true }) })], workloads: [] }), found: [] },

  // Opt-in
  { name: 'an opt-in that the guard refuses', given: () => observation({ scopes: [scope({ namespace: namespace({ name: 'kube-extra' }), serviceAccounts: [] })], workloads: [] }), found: ['PP007 Namespace kube-extra'] },
  { name: 'an annotation with a typing error', given: () => observation({ scopes: [scope({ namespace: namespace({ sync: 'enable' }) })], workloads: [] }), found: ['PP008 Namespace team-a'], says: ['use "enabled" or "disabled"'] },
  { name: 'a bad annotation on a ServiceAccount', given: () => observation({ scopes: [goodScope({ serviceAccounts: [account({ pullSecrets: ['regcred'], added: 'regcred', annotated: true, sync: 'yes' })] })] }), found: ['PP008 ServiceAccount team-a/default'] },
  { name: 'a source that does not exist', given: () => observation({ scopes: [goodScope({ namespace: namespace({ sources: 'upstream, upstraem' }) })] }), found: ['PP009 Namespace team-a'], says: ['"upstraem"'] },

  // Pull Secrets of others
  { name: 'a reference to nothing', given: () => observation({ scopes: [goodScope({ serviceAccounts: [account({ pullSecrets: ['regcred', 'gone'], added: 'regcred', annotated: true }), account({ name: 'ci', pullSecrets: ['gone'] })] })], pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/gone': 'missing' }) }), found: ['PP006 Secret team-a/gone'], says: ['ServiceAccounts default, ci name it'] },
  { name: 'pods that name a Secret that is not there', given: () => observation({ workloads: [workload({ pullSecrets: ['gone', 'regcred'] })], pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/gone': 'missing' }) }), found: ['PP006 Secret team-a/gone'], says: ['pods of Deployment web name it'] },
  { name: 'a Secret that may not be read', given: () => observation({ workloads: [workload({ pullSecrets: ['theirs', 'regcred'] })], pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/theirs': 'unseen' }) }), found: [] },
  { name: 'a Secret that fails every pull', given: () => observation({ workloads: [workload({ pullSecrets: ['regcred', 'typo'] })], pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/typo': dockerConfig('{"auths":{"registry.corp":{"auth":"!"}}}') }) }), found: ['PP011 Secret team-a/typo'], says: ['"auth" is not base64'] },
  { name: 'a Secret of the wrong type', given: () => observation({ workloads: [workload({ pullSecrets: ['regcred', 'opaque'] })], pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/opaque': dockerConfig('{}', 'Opaque') }) }), found: ['PP012 Secret team-a/opaque'] },

  // Pods
  { name: 'pods that are older than the reference', given: () => observation({ workloads: [workload({ pullSecrets: [] })] }), found: ['PP020 Deployment team-a/web'], says: ['kubectl -n team-a rollout restart deployment/web'] },
  { name: 'pods with what the ServiceAccount had before', given: () => observation({ scopes: [goodScope({ serviceAccounts: [account({ pullSecrets: ['own', 'regcred'], added: 'regcred', annotated: true })] })], workloads: [workload({ pullSecrets: ['own'] })], pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/own': content({ 'registry.own': 'x' }) }) }), found: ['PP020 Deployment team-a/web'] },
  { name: 'a thousand pods of one Deployment in two versions', given: () => observation({ workloads: [workload({ pullSecrets: [], pods: 600 }), workload({ pullSecrets: [], pods: 400, images: ['nginx:1.28'] })] }), found: ['PP020 Deployment team-a/web'], says: ['1000 pods were created before'] },
  { name: 'old pods whose images need no credential of it', given: () => observation({ workloads: [workload({ pullSecrets: [], images: ['quay.io/x/y'] }), workload({ owner: { kind: 'Deployment', name: 'other' } })] }), found: [] },
  { name: 'pods with a Secret of their own that does not match', given: () => observation({ workloads: [workload({ pullSecrets: ['own'] })], pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/own': content({ 'registry.own': 'x' }) }) }), found: ['PP021 Deployment team-a/web'], says: ['Add "regcred" to imagePullSecrets'] },
  { name: 'pods with a Secret of their own that matches', given: () => observation({ workloads: [workload({ pullSecrets: ['own'] }), workload({ owner: { kind: 'Deployment', name: 'b' } })], pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/own': content({ 'docker.io': 'x' }) }) }), found: [] },

  // Failing pulls
  { name: 'a pull without a credential anywhere', given: () => observation({ workloads: [workload(), workload({ owner: { kind: 'Job', name: 'seed' }, pullSecrets: [], images: ['quay.io/private/app:1'], failures: [failure({ image: 'quay.io/private/app:1', message: 'unauthorized: access to the requested resource is not authorized' })] })] }), found: ['PP022 Job team-a/seed'], says: ['no source has a credential for it'] },
  { name: 'a pull that a source has a credential for', given: () => observation({ scopes: [goodScope(), { ...nothingOptedIn(), namespace: namespace({ name: 'b', sync: undefined }) }], workloads: [workload(), workload({ namespace: 'b', pullSecrets: [], failures: [failure({ message: '429 Too Many Requests: toomanyrequests' })] })] }), found: ['PP022 Deployment b/web'], says: ['kubectl annotate namespace b pullpass.dev/sync=enabled', 'limits how often'] },
  { name: 'a pull whose credential is refused', given: () => observation({ workloads: [workload({ failures: [failure({ reason: 'ErrImagePull', message: unauthorized })] })] }), found: ['PP022 Deployment team-a/web'], says: ['refuses the login; kubelets try the credential "https://index.docker.io/v1/" of Secret "regcred"'] },
  { name: 'a pull of an init container of pods that are older than the reference', given: () => observation({ workloads: [workload({ pullSecrets: [], failures: [failure({ container: 'migrate', containerKind: 'init container', message: unauthorized })] })] }), found: ['PP022 Deployment team-a/web', 'PP020 Deployment team-a/web'], says: ['of init container "migrate"', 'would'] },
  { name: 'a pull of an ephemeral container with a Secret that may not be read', given: () => observation({ workloads: [workload({ pullSecrets: ['theirs'], failures: [failure({ containerKind: 'ephemeral container', container: 'debugger' })] })], pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/theirs': 'unseen' }) }), found: ['PP022 Deployment team-a/web', 'PP021 Deployment team-a/web'], says: ['of ephemeral container "debugger"', '"theirs" could not be read'] },
  { name: 'not found behind a cache proxy', given: () => observation({ proxies: [proxy], workloads: [workload({ images: ['corp/app:1'], failures: [failure({ image: 'corp/app:1', message: notFound })] })] }), found: ['PP022 Deployment team-a/web'], says: ['behind cache proxy "hub-cache"', 'revoked upstream login'] },
  { name: 'not found without a cache proxy', given: () => observation({ workloads: [workload({ images: ['corp/app:1'], failures: [failure({ image: 'corp/app:1', message: notFound })] })] }), found: ['PP022 Deployment team-a/web'], says: ['Correct the name or tag'] },
  { name: 'a registry that does not answer', given: () => observation({ workloads: [workload({ failures: [failure({ message: 'dial tcp: lookup registry-1.docker.io: no such host' })] })] }), found: ['PP022 Deployment team-a/web'], says: ['Check DNS'] },
  { name: 'a name that is no image', given: () => observation({ workloads: [workload({ images: ['Not An Image'], failures: [failure({ image: 'Not An Image', reason: 'InvalidImageName' })] }), workload({ owner: { kind: 'Deployment', name: 'b' } })] }), found: ['PP022 Deployment team-a/web'], says: ['Correct the name of the image'] },

  // Registries
  { name: 'a registry of unknown access without a credential', given: () => observation({ workloads: [workload(), workload({ owner: { kind: 'DaemonSet', name: 'agent' }, images: ['registry.corp/agent:2'] })] }), found: ['PP024 Registry registry.corp'], says: ['team-a/DaemonSet agent'] },
  { name: "a cloud's own registry, where nodes log in", given: () => observation({ workloads: [workload(), workload({ images: ['123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:1'] })] }), found: [] },
  { name: 'a registry past the cache proxies', given: () => observation({ proxies: [proxy], workloads: [workload(), workload({ images: ['quay.io/x/y:1'] })] }), found: ['PP025 Registry quay.io'] },
  { name: 'images by digest behind kube-image-keeper', given: () => observation({ proxies: [{ ...proxy, name: 'kuik', kind: 'kube-image-keeper' }], workloads: [workload({ images: [`nginx@${DIGEST}`] })] }), found: ['PP023 CacheProxy kuik'], says: ['1 image of 2 pods goes past it'] },
  { name: 'images by digest behind a cache that serves them', given: () => observation({ proxies: [proxy], workloads: [workload({ images: [`nginx@${DIGEST}`] })] }), found: [] },

  // Credentials
  { name: 'a credential that its registry refuses', given: () => observation({ registries: [{ source: 'upstream', key: HUB_KEY, state: 'refused', why: '401 from https://auth.docker.io', since: '2026-02-28T09:00:00Z' }] }), found: ['PP040 Source upstream'], says: ['since 2026-02-28T09:00:00Z'] },
  { name: 'a credential of which nothing is known', given: () => observation({ registries: [{ source: 'upstream', key: HUB_KEY, state: 'unknown', why: 'no route' }] }), found: [] },
  { name: 'a token that ends in a week', given: () => { const held = content({ [HUB_KEY]: inDays(7) }); return observation({ sources: [auditedSource({ content: held })], pullSecrets: secrets({ 'team-a/regcred': held }) }); }, found: ['PP041 Source upstream'], says: ['ends on 2026-03-08, in 7 days'] },
  { name: 'a token that ends in a year', given: () => { const held = content({ [HUB_KEY]: inDays(365) }); return observation({ sources: [auditedSource({ content: held })], pullSecrets: secrets({ 'team-a/regcred': held }) }); }, found: [] },
  { name: "a tenant's token that has ended, in two namespaces", given: () => { const held = content({ 'registry.own': inDays(-1) }); return observation({ pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/own': held, 'team-b/own': held }) }); }, found: ['PP042 Secret team-a/own'], says: ['1 Secret of the same content'] },
  { name: 'a credential that no image needs', given: () => observation({ sources: [auditedSource({ content: HUB_AND_CORP })], pullSecrets: secrets({ 'team-a/regcred': HUB_AND_CORP }) }), found: ['PP043 Source upstream'], says: ['"registry.corp"'] },
  { name: 'a credential that no image needs, as far as one namespace tells', given: () => observation({ only: ['team-a'], sources: [auditedSource({ content: HUB_AND_CORP })], pullSecrets: secrets({ 'team-a/regcred': HUB_AND_CORP }) }), found: [] },
  { name: "Docker Hub's own entry behind another with another login", given: () => { const held = content({ [HUB_KEY]: 'a', 'docker.io': 'b' }); return observation({ sources: [auditedSource({ content: held })], pullSecrets: secrets({ 'team-a/regcred': held }) }); }, found: ['PP044 Source upstream'], says: ['is never used: "docker.io" comes first'] },
  { name: 'two Secrets with different logins for one registry', given: () => observation({ scopes: [goodScope({ serviceAccounts: [account({ pullSecrets: ['own', 'regcred'], added: 'regcred', annotated: true })] })], workloads: [workload({ pullSecrets: ['own', 'regcred'] })], pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/own': content({ [HUB_KEY]: 'another' }) }) }), found: ['PP044 ServiceAccount team-a/default'], says: ['Secret "own" before "regcred"'] },
  { name: 'two Secrets with the same login', given: () => observation({ scopes: [goodScope({ serviceAccounts: [account({ pullSecrets: ['own', 'regcred'], added: 'regcred', annotated: true })] })], workloads: [workload({ pullSecrets: ['own', 'regcred'] })], pullSecrets: secrets({ 'team-a/regcred': HUB, 'team-a/own': HUB }) }), found: [] },

  // Cache proxies
  { name: 'a cache proxy that works', given: () => observation({ proxies: [proxy] }), found: [] },
  { name: 'a cache proxy that was not given the login', given: () => observation({ proxies: [{ ...proxy, applied: false, verified: 'unknown', why: 'connection refused' }] }), found: ['PP060 CacheProxy hub-cache', 'PP083 Source upstream'], says: ['0 of 1 cache proxy'] },
  { name: 'a cache proxy that nobody verified', given: () => observation({ proxies: [{ ...proxy, verified: 'unknown', why: 'no probe is configured' }] }), found: ['PP061 CacheProxy hub-cache'] },
  { name: 'a cache proxy whose login is refused', given: () => observation({ proxies: [{ ...proxy, verified: 'refused', why: '404 for corp/app:1.0' }] }), found: ['PP062 CacheProxy hub-cache'] },
  { name: 'a cache proxy for a registry that the source does not have', given: () => observation({ proxies: [{ ...proxy, registry: 'quay.io', applied: false, verified: 'unknown' }], workloads: [workload()] }), found: ['PP063 CacheProxy hub-cache', 'PP083 Source upstream', 'PP025 Registry docker.io'] },
  { name: 'a cache proxy with an identity token', given: () => { const held = dockerConfig(JSON.stringify({ auths: { [HUB_KEY]: { identitytoken: 'x' } } })); return observation({ proxies: [proxy], sources: [auditedSource({ content: { ...held, warnings: [] } })], pullSecrets: secrets({ 'team-a/regcred': held }) }); }, found: ['PP063 CacheProxy hub-cache'], says: ['only an identity token'] },

  // Sources
  { name: 'a source that does not exist', given: () => observation({ sources: [badSource('missing')], scopes: [scope()], workloads: [], pullSecrets: new Map() }), found: ['PP080 Source upstream'], says: ['1 namespace waits for a first copy'] },
  { name: 'a source that was broken after its copies were made', given: () => observation({ sources: [badSource('invalid', 'is not JSON')], pullSecrets: secrets({ 'team-a/regcred': HUB }) }), found: ['PP081 Source upstream'], says: ['is not JSON', '1 copy keeps the last good content'] },
  { name: 'a source whose new content is held back', given: () => observation({ heldBack: [{ source: 'upstream', why: 'docker.io refuses the login: 401' }] }), found: ['PP082 Source upstream'], says: ['Do not revoke the old one'] },
  { name: 'a rotation half-way', given: () => observation({ scopes: [goodScope(), goodScope({ namespace: namespace({ name: 'b' }), serviceAccounts: [account({ namespace: 'b', pullSecrets: ['regcred'], added: 'regcred', annotated: true })], copies: [copy({ namespace: 'b', digest: 'old' })] })], pullSecrets: secrets({ 'team-a/regcred': HUB, 'b/regcred': HUB }) }), found: ['PP002 Secret b/regcred', 'PP083 Source upstream'], says: ['is in 1 of 2 copies'] },
  { name: 'a source with an entry that kubelets ignore', given: () => { const held = content({ [HUB_KEY]: 'x\n' }); return observation({ sources: [auditedSource({ content: held })], pullSecrets: secrets({ 'team-a/regcred': held }) }); }, found: ['PP084 Source upstream'], says: ['ends with a line break'] },

  // The controller
  { name: 'a controller that may read every Secret', given: () => observation({ grants: [{ role: { kind: 'ClusterRole', name: 'admin' }, verbs: ['get', 'list'], names: [] }, { role: { kind: 'ClusterRole', name: 'pullpass' }, verbs: ['get'], names: ['regcred'] }] }), found: ['PP090 ClusterRole admin'], says: ['lets the controller get, list every Secret in the cluster'] },

  // Without a configuration
  { name: 'a cluster without Pullpass', given: () => observation({ configured: false, sources: [], scopes: [scope({ namespace: namespace({ sync: undefined }), serviceAccounts: [account({ pullSecrets: ['mine'] })] })], workloads: [workload({ pullSecrets: [], images: ['registry.corp/app:1'], failures: [failure({ image: 'registry.corp/app:1', message: unauthorized })] })], pullSecrets: secrets({ 'team-a/mine': content({ 'registry.corp': 'x' }) }) }), found: ['PP022 Deployment team-a/web', 'PP020 Deployment team-a/web', 'PP024 Registry registry.corp'] },
];

describe('exactly these findings for', () => {
  test.each(CASES)('$name', ({ given, found, says = [] }) => {
    const observed = given();
    expect(linesOf(observed)).toEqual(found);
    const text = findingsOf(createFacts(observed)).map(({ message, remedy }) => `${message}\n${remedy}`).join('\n');
    for (const words of says) expect(text).toContain(words);
  });
});

test('every rule is shown by a golden cluster', () => {
  const shown = new Set(CASES.flatMap(({ found }) => found.map((line) => line.slice(0, 5))));
  expect(RULES.map(({ id }) => id).filter((id) => !shown.has(id))).toEqual([]);
});
