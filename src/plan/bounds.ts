/**
 * How much of what a tenant writes is kept, and counts. No real namespace needs as much; without limits one object could hold
 * a megabyte in memory, and would be searched again in every plan.
 */

/** Characters of one annotation. Of a longer list the rest does not count; a longer record was not written by Pullpass. */
export const MAX_ANNOTATION = 4096;
/** Parts of a list in an annotation; the list is matched for every ServiceAccount and source. */
export const MAX_LISTED = 256;
/** Entries in the `imagePullSecrets` of a ServiceAccount. */
export const MAX_PULL_SECRETS = 256;
/** Characters of all of them, with a comma each: as much as their record may have. */
export const MAX_PULL_SECRETS_CHARS = MAX_ANNOTATION;

/** Whether a list of pull secrets is short enough to be managed. */
export function isListable(names: readonly string[]): boolean {
  return (
    names.length <= MAX_PULL_SECRETS && names.reduce((sum, name) => sum + name.length + 1, 0) <= MAX_PULL_SECRETS_CHARS
  );
}
