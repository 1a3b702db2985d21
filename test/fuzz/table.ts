/** Every parser of what others write. */
import { cleanUp as removeFiles, clusterParsers } from './cluster.ts';
import { configurationParsers } from './configuration.ts';
import { credentialParsers } from './credentials.ts';
import { migrateParsers } from './migrate.ts';
import type { Parser } from './parser.ts';
import { productParsers } from './products.ts';
import { providerParsers } from './provider.ts';
import { registryParsers } from './registries.ts';
import { serverParsers, stopServer } from './server.ts';
import { tenantParsers } from './tenants.ts';

export async function cleanUp(): Promise<void> {
  removeFiles();
  await stopServer();
}

export const PARSERS: readonly Parser[] = [
  ...configurationParsers,
  ...credentialParsers,
  ...providerParsers,
  ...tenantParsers,
  ...registryParsers,
  ...clusterParsers,
  ...serverParsers,
  ...productParsers,
  ...migrateParsers,
];
