/** `pullpass rbac --born-ready`: prints the policy that adds the references to new pods. */
import { Document } from 'yaml';
import { bornReady } from '../admission/born-ready.ts';
import type { BornReadyVersion } from '../admission/versions.ts';
import type { Configuration } from '../config/schema.ts';
import { LABELS, nameOfInstallation, printStream } from './manifest-text.ts';

const HEADER = `\
# Adds the references to copies to pods as they are created, as printed by \`pullpass rbac --born-ready\`: docs/born-ready.md.
# Apply it again with each change of the configuration. If it fails, pods are created as without it.
`;

/** The same configuration gives the same text on every machine. `namespace`: the controller's. */
export function renderBornReady(
  configuration: Configuration,
  {
    namespace,
    ...options
  }: { namespace: string; version: BornReadyVersion; namespaces?: readonly string[] | undefined },
): string {
  const metadata = { name: `${nameOfInstallation(namespace)}-born-ready`, labels: LABELS };
  const objects = bornReady(configuration, metadata, options);
  return HEADER + printStream(objects.map((object) => new Document(object, { aliasDuplicateObjects: false })));
}
