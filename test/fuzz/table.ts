/** Every parser of what others write. */
import { clusterParsers } from './cluster.ts';
import { configurationParsers } from './configuration.ts';
import { credentialParsers } from './credentials.ts';
import type { Parser } from './parser.ts';
import { productParsers } from './products.ts';
import { registryParsers } from './registries.ts';
import { tenantParsers } from './tenants.ts';

export { cleanUp } from './cluster.ts';

export const PARSERS: readonly Parser[] = [
  ...configurationParsers,
  ...credentialParsers,
  ...tenantParsers,
  ...registryParsers,
  ...clusterParsers,
  ...productParsers,
];
