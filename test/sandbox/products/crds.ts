/** The products' own CRDs, if the contracts are next to the repository. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import type { Schema } from './crd-schema.ts';

export interface Crd {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly scope: 'Namespaced' | 'Cluster';
    readonly names: { readonly kind: string; readonly plural: string };
    readonly versions: readonly { readonly name: string; readonly schema: { readonly openAPIV3Schema: Schema } }[];
  };
}

const CONTRACTS = path.resolve(import.meta.dirname, '../../../../shared/contracts');

export const NO_CONTRACTS =
  'no CRDs of the products found in ../shared/contracts: objects were not validated by them, and no kube-apiserver served them';

/** Undefined: the contracts are not on this machine. `name`: `imagecaches.kubefledged.io`. */
export function findCrd(name: string): Crd | undefined {
  const [plural, ...group] = name.split('.');
  const file = path.join(CONTRACTS, `${group.join('.')}_${plural}.crd.yaml`);
  return existsSync(file) ? (parse(readFileSync(file, 'utf8')) as Crd) : undefined;
}
