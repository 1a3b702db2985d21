import { describe, expect, test } from 'vitest';
import { COPY_FIELDS, LIST_FIELDS, otherWriter } from '../../src/plan/writer.ts';

const LIST = { 'f:imagePullSecrets': {} };
const entry = (manager: string, fieldsV1: object = LIST, more: object = {}) => ({
  manager,
  operation: 'Update',
  time: '2026-03-01T12:00:30Z',
  fieldsV1,
  ...more,
});
const ofAccount = (...managedFields: object[]) => otherWriter({ managedFields }, 'ServiceAccount', LIST_FIELDS);

describe('who wrote a field', () => {
  test.each([
    ['argocd-controller', 'field manager "argocd-controller" (Argo CD), Update, 2026-03-01 12:00 UTC'],
    ['kustomize-controller', 'field manager "kustomize-controller" (Flux), Update, 2026-03-01 12:00 UTC'],
    ['helm', 'field manager "helm" (Helm), Update, 2026-03-01 12:00 UTC'],
    ['kubectl-edit', 'field manager "kubectl-edit", Update, 2026-03-01 12:00 UTC'],
  ])('%s', (manager, words) => {
    expect(ofAccount(entry('pullpass', { 'f:metadata': {} }), entry(manager))).toBe(words);
  });

  test('of several owners it is the newest', () => {
    const older = entry('older', LIST, { time: '2026-02-01T12:00:00Z' });
    expect(ofAccount(older, entry('newer'))).toContain('"newer"');
  });

  test('never one of ours', () => {
    expect(ofAccount(entry('pullpass'), entry('pullpass-proxies'), entry('pullpass-login'))).toBeUndefined();
  });

  test('nobody owns what was removed: perhaps it was the tool with its mark on the object, or the last writer', () => {
    const managedFields = [entry('terraform', { 'f:metadata': {} })];
    expect(ofAccount(...managedFields)).toBe(
      'perhaps field manager "terraform", Update, 2026-03-01 12:00 UTC, which wrote the object last',
    );
    const marked = {
      namespace: 'a',
      name: 'app',
      annotations: { 'argocd.argoproj.io/tracking-id': 'shop:/ServiceAccount:a/app' },
      managedFields,
    };
    expect(otherWriter(marked, 'ServiceAccount', LIST_FIELDS)).toBe(
      'perhaps Argo CD ("shop"), which has its mark on the object',
    );
    expect(otherWriter(marked, 'ServiceAccount', LIST_FIELDS, { ownersOnly: true })).toBeUndefined();
  });

  test('of a copy it is who wrote the content, or else the label of its source', () => {
    const label = entry('labeller', { 'f:metadata': { 'f:labels': { 'f:pullpass.dev/source': {} } } });
    const content = entry('replicator', { 'f:data': { 'f:.dockerconfigjson': {} } });
    const ofCopy = (...managedFields: object[]) =>
      otherWriter({ managedFields }, 'Secret', COPY_FIELDS, { ownersOnly: true });
    expect(ofCopy(label, content)).toContain('"replicator"');
    expect(ofCopy(label)).toContain('"labeller"');
    expect(ofCopy(entry('annotator', { 'f:metadata': { 'f:annotations': {} } }))).toBeUndefined();
  });

  test('its name is foreign text: short, on one line, printable', () => {
    const words = ofAccount(entry(`a\u202e\n"${'x'.repeat(10_000)}`, LIST, { operation: 'Evil\n', time: 'never' }));
    expect(words).toMatch(/^field manager "a\?\?\\"x+\.\.\."$/);
    expect(words?.length).toBeLessThan(110);
  });

  test('whatever is there instead of managedFields is no failure', () => {
    expect(ofAccount({}, { manager: 'x', fieldsV1: null }, { fieldsV1: 'text' })).toContain('"x"');
    expect(otherWriter({}, 'ServiceAccount', LIST_FIELDS)).toBeUndefined();
  });
});
