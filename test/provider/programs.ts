/** Programs for a provider: scripts that a test writes, and the real ones of the clouds where they are installed. */
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findOnPath } from '../sandbox/registry/on-path.ts';
import type { Found } from '../sandbox/registry/on-path.ts';

const HOW = 'built by .ci/tools (needs Go)';
export const ecrPlugin = findOnPath('ecr-credential-provider', HOW);
export const ecrHelper = findOnPath('docker-credential-ecr-login', HOW);

export interface Folder {
  readonly path: string;
  /** An executable script of sh; it has the PATH of the tests. */
  script(name: string, ...lines: string[]): void;
  /** A program that is installed. */
  link(program: Found): void;
  remove(): void;
}

export function makeFolder(): Folder {
  const folder = mkdtempSync(path.join(tmpdir(), 'pullpass-plugins-'));
  return {
    path: folder,
    script(name, ...lines) {
      const file = path.join(folder, name);
      writeFileSync(file, ['#!/bin/sh', `PATH=${process.env['PATH'] ?? ''}`, ...lines, ''].join('\n'));
      chmodSync(file, 0o755);
    },
    link(program) {
      if ('missing' in program) throw new Error(program.missing);
      symlinkSync(program.found, path.join(folder, path.basename(program.found)));
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** What a plugin answers: a good answer, changed. */
export const response = (changes: object = {}): string =>
  JSON.stringify({
    apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
    kind: 'CredentialProviderResponse',
    cacheKeyType: 'Registry',
    cacheDuration: '6h0m0s',
    auth: { 'registry.example.com': { username: 'robot', password: 'pw-1' } },
    ...changes,
  });
