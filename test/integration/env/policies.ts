/** Puts admission policies in force on a server that has admission: a real one. */
import { setTimeout as delay } from 'node:timers/promises';
import { parseAllDocuments } from 'yaml';
import { messageOf } from '../../../src/errors.ts';
import type { KubeClient } from '../../../src/kube/client.ts';
import { paths } from '../../../src/kube/paths.ts';

const GROUP = '/apis/admissionregistration.k8s.io/v1';
const COLLECTIONS: Readonly<Record<string, string>> = {
  ValidatingAdmissionPolicy: 'validatingadmissionpolicies',
  ValidatingAdmissionPolicyBinding: 'validatingadmissionpolicybindings',
  MutatingAdmissionPolicy: 'mutatingadmissionpolicies',
  MutatingAdmissionPolicyBinding: 'mutatingadmissionpolicybindings',
};

/** Whether the server judges writes by policies. The sandbox does not. */
export const hasAdmission = (admin: KubeClient): Promise<boolean> =>
  admin.get(GROUP).then(
    () => true,
    () => false,
  );

/** Applies policies and bindings, and waits until the server holds the controller to them in `namespace`, where it has rights. */
export async function applyPolicies(
  admin: KubeClient,
  yaml: string,
  controller: KubeClient,
  namespace = 'default',
): Promise<void> {
  await putPolicies(admin, yaml);
  // The server reads its policies once a second.
  await delay(1_500);
  for (const deadline = Date.now() + 20_000; ;) {
    const answer = await controller
      .patch(
        paths.serviceAccounts(namespace, 'default'),
        'application/merge-patch+json',
        { metadata: { annotations: { 'example.com/probe': 'x' } } },
        { query: { dryRun: 'All' } },
      )
      .then(() => 'allowed', messageOf);
    if (answer.includes('ValidatingAdmissionPolicy')) return;
    if (Date.now() > deadline) throw new Error(`the policies are not in force: ${answer}`);
    await delay(100);
  }
}

/** Applies them, and does not wait. */
export async function putPolicies(admin: KubeClient, yaml: string): Promise<void> {
  for (const { path, object } of objectsIn(yaml))
    await admin.patch(path, 'application/apply-patch+yaml', object, {
      query: { fieldManager: 'test', force: true },
    });
}

export async function removePolicies(admin: KubeClient, yaml: string): Promise<void> {
  for (const { path } of objectsIn(yaml)) await admin.delete(path);
  await delay(2_500);
}

function objectsIn(yaml: string): { path: string; object: object }[] {
  return parseAllDocuments(yaml).map((document) => {
    const object = document.toJS() as { apiVersion: string; kind: string; metadata: { name: string } };
    return { path: `/apis/${object.apiVersion}/${COLLECTIONS[object.kind]}/${object.metadata.name}`, object };
  });
}
