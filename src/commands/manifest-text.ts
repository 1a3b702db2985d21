/** YAML of manifests, as people write it. */
import { isMap, visit } from 'yaml';
import type { Document } from 'yaml';

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
