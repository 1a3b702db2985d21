/** YAML of manifests, as people write it. */
import { DEFAULT_NAMESPACE } from '../names.ts';
import { isMap, visit } from 'yaml';
import type { Document } from 'yaml';

/** Of the controller's pods, and of all objects that are printed for it. */
export const LABELS = { 'app.kubernetes.io/name': 'pullpass', 'app.kubernetes.io/component': 'controller' };

/** Lists of words are on one line. */
export function printStream(documents: readonly Document[]): string {
  return documents
    .map((document) => {
      visit(document, {
        Seq: (_, node) => {
          node.flow = !node.items.some(isMap);
        },
      });
      return `---\n${document.toString({ lineWidth: 0, flowCollectionPadding: false })}`;
    })
    .join('');
}

/** Cluster-wide objects of a second installation must not take the place of the first one's. `namespace`: the controller's. */
export const nameOfInstallation = (namespace: string): string =>
  namespace === DEFAULT_NAMESPACE ? 'pullpass' : `pullpass-${namespace}`;
