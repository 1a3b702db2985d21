/** Versions of MutatingAdmissionPolicy: `v1` since Kubernetes 1.36; `v1beta1` on 1.34 and 1.35, where the administrator has turned it on. */
export const BORN_READY_VERSIONS = ['v1', 'v1beta1'] as const;
export type BornReadyVersion = (typeof BORN_READY_VERSIONS)[number];
