/** How much a configuration holds at most: more than anybody needs, and little enough to be read in about a third of a second. */

/** Items of each list. */
export const LISTS = {
  sources: 500,
  cacheProxies: 250,
  registries: 250,
  retiredCopyNames: 1000,
  /** Of one source. */
  aliases: 100,
  /** Of one list: `namespaces.allow`, `namespaces.deny`, `serviceAccounts`, `values` of a selector. */
  globs: 250,
  /** Of one selector: `matchLabels`, `matchExpressions`; of a `copyMetadata`: `labels`, `annotations`. */
  labels: 100,
  requirements: 100,
  /** Of one cache proxy. */
  hosts: 100,
  files: 100,
  /** Of the program that a provider asks. */
  args: 100,
  env: 100,
} as const;

/** Characters of a registry key: a host has 253, and the name of a repository 255. */
export const MAX_REGISTRY = 512;
/** Characters of a `copyMetadata` as JSON. */
export const MAX_COPY_METADATA = 4096;
/** Characters of a URL or a JSON pointer. */
export const MAX_ADDRESS = 2048;
export const TOO_LONG = `is longer than ${MAX_ADDRESS} characters`;
