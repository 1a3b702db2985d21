/** What a proof rests on, on a real Distribution behind a real upstream. */
import { expect, test } from 'vitest';
import { findDistribution } from '../sandbox/registry/distribution.ts';
import { findSkopeo } from '../sandbox/registry/on-path.ts';
import { measureProduct } from './facts.ts';

const [registry, skopeo] = [findDistribution(), findSkopeo()];
const missing = [registry, skopeo].flatMap((found) => ('missing' in found ? [found.missing] : []));
for (const line of missing) process.stderr.write(`skipped, what a cache answers: ${line}\n`);

test.skipIf(missing.length > 0)(
  'a list of tags asks upstream first, and falls back to the tags that the cache holds',
  // Some seconds; more where the machine is busy.
  { timeout: 180_000 },
  async () => {
    if ('missing' in registry || 'missing' in skopeo) throw new Error('skipped');
    const { facts } = await measureProduct(
      { title: 'Distribution', product: 'environment', program: registry.found, kind: 'distribution' },
      { upstream: registry.found, skopeo: skopeo.found },
    );
    const answers = (question: string): string[] => {
      const fact = facts.find((one) => one.question === question);
      return [fact?.good ?? '', fact?.refused ?? '', fact?.down ?? ''].map((text) => text.replace(/ \[.*/, ''));
    };
    expect(answers('tags/list, repository never asked for')).toEqual([
      '200 1 tags',
      '404 NAME_UNKNOWN',
      '404 NAME_UNKNOWN',
    ]);
    expect(answers('tags/list, some tags held')).toEqual(['200 4 tags', '200 2 tags', '200 2 tags']);
    expect(answers('GET of a manifest never pulled')).toEqual(['200', '404 MANIFEST_UNKNOWN', '404 MANIFEST_UNKNOWN']);
    expect(answers('GET of a tag held that moved upstream')).toEqual([
      '200 the new one',
      '200 the old one',
      '200 the old one',
    ]);
  },
);
