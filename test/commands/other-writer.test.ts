import type { V1ObjectMeta } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import { otherWriter } from '../../src/commands/other-writer.ts';

const writerOf = (metadata: V1ObjectMeta): string | undefined =>
  otherWriter({ metadata: { namespace: 'ns', name: 'src', ...metadata } }, '.dockerconfigjson');
const owner = (kind: string, controller = false) => ({
  ownerReferences: [{ apiVersion: 'x/v1', kind, name: 'pull', uid: 'u', controller }],
});
const field = (manager: string, key = '.dockerconfigjson') => ({
  managedFields: [{ manager, operation: 'Update', fieldsV1: { 'f:data': { '.': {}, [`f:${key}`]: {} } } }],
});

describe('another tool is named', () => {
  test.each<[string, V1ObjectMeta]>([
    ['External Secrets (ExternalSecret "pull")', owner('ExternalSecret', true)],
    ['External Secrets', { annotations: { 'reconcile.external-secrets.io/data-hash': 'x' } }],
    ['External Secrets', { labels: { 'reconcile.external-secrets.io/created-by': 'x' } }],
    ['Sealed Secrets (SealedSecret "pull")', owner('SealedSecret', true)],
    ['Sealed Secrets', { annotations: { 'sealedsecrets.bitnami.com/managed': 'true' } }],
    ['the Vault Secrets Operator (VaultStaticSecret "pull")', owner('VaultStaticSecret')],
    ['the Vault Secrets Operator', field('vault-secrets-operator')],
    ['External Secrets', field('externalsecrets.external-secrets.io/upstream-registry')],
    ['a Vault operator (VaultSecret "pull")', owner('VaultSecret')],
    ['the Secrets Store CSI driver', { labels: { 'secrets-store.csi.k8s.io/managed': 'true' } }],
    [
      'Argo CD ("shop")',
      {
        labels: { 'app.kubernetes.io/instance': 'shop' },
        annotations: { 'argocd.argoproj.io/tracking-id': 'shop:/Secret:ns/src' },
      },
    ],
    ['Argo CD', field('argocd-controller')],
    ['Flux ("apps")', { labels: { 'kustomize.toolkit.fluxcd.io/name': 'apps' } }],
    ['Flux ("chart")', { labels: { 'helm.toolkit.fluxcd.io/name': 'chart' } }],
    ['Flux', field('kustomize-controller')],
    ['pullpass provider', field('pullpass-provider')],
    [
      'Helm ("web")',
      { labels: { 'app.kubernetes.io/managed-by': 'Helm' }, annotations: { 'meta.helm.sh/release-name': 'web' } },
    ],
    ['Reflector ("other/src")', { annotations: { 'reflector.v1.k8s.emberstack.com/reflects': 'other/src' } }],
    ['its owner, Robot "pull"', owner('Robot', true)],
    ['the field manager "secret-bot"', field('secret-bot')],
  ])('%s', (name, metadata) => expect(writerOf(metadata)).toBe(name));
});

describe('people are no other tool', () => {
  test.each<[string, V1ObjectMeta]>([
    ['nothing said', {}],
    ['kubectl create', field('kubectl-create')],
    ['kubectl replace', field('kubectl-replace')],
    ['oc', field('oc')],
    ['this command', field('pullpass-login')],
    ['an owner that does not control it', owner('Namespace')],
    ['a tool that owns another value', field('secret-bot', 'other')],
    ['a label of an application', { labels: { 'app.kubernetes.io/instance': 'pullpass' } }],
    [
      'a tracking id that came with a copy',
      { annotations: { 'argocd.argoproj.io/tracking-id': 'shop:/Secret:elsewhere/src' } },
    ],
    ['a Secret that others copy', { annotations: { 'replicator.v1.mittwald.de/replicate-to': '*' } }],
  ])('%s', (_, metadata) => expect(writerOf(metadata)).toBeUndefined());
});
