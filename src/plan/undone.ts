/** What is said of objects that another writer writes back, again and again. Pure. */
import { quote } from '../text.ts';

export interface Undone {
  readonly kind: 'ServiceAccount' | 'Secret';
  readonly name: string;
  /** In words; undefined: the object does not say. */
  readonly by: string | undefined;
}

/** Where it is written what ends it. */
export const UNDONE_DOCS = 'docs/argo-cd.md';

/** The audit log of the API server names it. */
export const UNNAMED = 'a writer that the object does not name (the audit log of the API server does)';

/** So many objects of a namespace are named. */
export const NAMED = 3;

/** `others`: there are more. Their number is not told: each change of it would be reported as a new problem. */
export function sayUndone(objects: readonly Undone[], others: boolean): string {
  const named = (kind: Undone['kind'], what: string): string[] => {
    const names = objects.filter((each) => each.kind === kind).map(({ name }) => quote(name));
    return names.length === 0 ? [] : [`${what} ${names.join(', ')}`];
  };
  const what = [...named('ServiceAccount', 'imagePullSecrets of ServiceAccount'), ...named('Secret', 'copy')].join(
    '; ',
  );
  const writers = [...new Set(objects.flatMap(({ by }) => by ?? []))];
  return (
    `Another writer undoes each write of Pullpass: ${what}${others ? ' and others' : ''}. ` +
    `It is ${writers.length === 0 ? UNNAMED : writers.join('; ')}. Pullpass writes again after a growing delay of up to ` +
    `5 minutes, and pods made meanwhile may lack the credential. What ends it, in Argo CD and others: ${UNDONE_DOCS}`
  );
}
