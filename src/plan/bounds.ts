/**
 * How much of what a tenant writes is kept, and counts. Nobody needs as much; without limits a single object holds a
 * megabyte in memory, and is gone through again at every look.
 */

/** Characters of one annotation. Of a list, what stands behind does not count; a longer record is none of ours. */
export const MAX_ANNOTATION = 4096;
/** Parts of a list in an annotation: it is matched for every ServiceAccount and source. */
export const MAX_LISTED = 256;
/** Entries in the `imagePullSecrets` of a ServiceAccount. */
export const MAX_PULL_SECRETS = 256;
/** Characters of all of them, a comma each: what Pullpass added of them always fits into its record. */
export const MAX_PULL_SECRETS_CHARS = MAX_ANNOTATION;

/** Whether a list of pull secrets is short enough to be looked after. */
export function isListable(names: readonly string[]): boolean {
  return (
    names.length <= MAX_PULL_SECRETS && names.reduce((sum, name) => sum + name.length + 1, 0) <= MAX_PULL_SECRETS_CHARS
  );
}
