/** `pullpass rbac --policies`: prints the admission policies as objects. */
import { Document } from 'yaml';
import { policiesFor } from '../admission/policies.ts';
import { objectsOf } from '../admission/policy.ts';
import type { Identity } from '../admission/policy.ts';
import type { Configuration } from '../config/schema.ts';
import { LABELS, nameOfInstallation, printStream } from './manifest-text.ts';

const HEADER = `\
# What the controller may write with its rights, as printed by \`pullpass rbac --policies\`; for Kubernetes 1.30 and later.
# The policies hold one identity, that of the controller, and refuse it everything else. Nobody else is ever refused, and no read is
# ever seen. Apply them again with each change of the configuration, before it: docs/security.md says what each one is for.
`;

/** A YAML stream; the same configuration gives the same text on every machine. */
export function renderPolicies(configuration: Configuration, identity: Identity): string {
  const objects = policiesFor(configuration, identity.namespace).flatMap((policy) =>
    objectsOf(policy, identity, { name: nameOfInstallation(identity.namespace), labels: LABELS }),
  );
  return HEADER + printStream(objects.map((object) => new Document(object, { aliasDuplicateObjects: false })));
}
