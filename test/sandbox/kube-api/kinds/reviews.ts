/** Review kinds: a POST is answered and never stored. */
import { objectShape } from '../schema/metadata.ts';
import { always, struct } from '../schema/shape.ts';
import { defineKind, type Kind, type Review } from './kind.ts';

function review(group: string, kind: Review, resource: string, namespaced = false): Kind {
  return defineKind({
    group,
    version: 'v1',
    kind,
    resource,
    namespaced,
    verbs: ['create'],
    review: kind,
    shape: objectShape(kind, {
      spec: always(struct(`${kind}Spec`, {}, { open: true })),
      status: always(struct(`${kind}Status`, {}, { open: true })),
    }),
  });
}

export const reviews: readonly Kind[] = [
  review('authentication.k8s.io', 'SelfSubjectReview', 'selfsubjectreviews'),
  review('authentication.k8s.io', 'TokenReview', 'tokenreviews'),
  review('authorization.k8s.io', 'LocalSubjectAccessReview', 'localsubjectaccessreviews', true),
  review('authorization.k8s.io', 'SelfSubjectAccessReview', 'selfsubjectaccessreviews'),
  review('authorization.k8s.io', 'SubjectAccessReview', 'subjectaccessreviews'),
];
