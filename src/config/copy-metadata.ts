/** Further labels and annotations of the copies of a source: for the tools that look at them. */
import * as z from 'zod';
import { LABEL_MANAGED_BY, OUR_PREFIX } from '../names.ts';
import { annotationKey, labelKey, labelValue } from './kubernetes-names.ts';
import type { Labels } from './label-selector.ts';
import { LISTS, MAX_COPY_METADATA } from './limits.ts';

/** kubectl compares with it what it applied last: on a copy it would be somebody else's object. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** Keys that are not to be chosen: Pullpass knows its copies by them, or kubectl writes them. */
export const isReserved = (key: string): boolean =>
  key.toLowerCase().startsWith(OUR_PREFIX) || key === LABEL_MANAGED_BY || key === LAST_APPLIED;
const free = (key: string): boolean => !isReserved(key);
const RESERVED = 'is not for you to set: Pullpass or kubectl writes it; remove it';

export const copyMetadata = z
  .strictObject({
    labels: z
      .record(labelKey.refine(free, RESERVED), labelValue)
      .meta({ maxProperties: LISTS.labels })
      .optional()
      .describe('Labels of each copy.'),
    annotations: z
      .record(
        annotationKey.refine(free, RESERVED),
        // The API server would store another text, and Pullpass would correct it for ever.
        z.string().refine((value) => value.isWellFormed(), 'has half of a character'),
      )
      .meta({ maxProperties: LISTS.labels })
      .optional()
      .describe('Annotations of each copy.'),
  })
  .refine(
    (metadata) => (metadataText(metadata)?.length ?? 0) <= MAX_COPY_METADATA,
    `is longer than ${MAX_COPY_METADATA} characters as JSON: each copy has all of it`,
  );

export interface CopyMetadata {
  readonly labels?: Labels | undefined;
  readonly annotations?: Labels | undefined;
}

/** One text for the same metadata, in whatever order; undefined: there is none. */
export function metadataText({ labels = {}, annotations = {} }: CopyMetadata): string | undefined {
  const both = [labels, annotations].map((map) => Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
  return both.every((entries) => entries.length === 0) ? undefined : JSON.stringify(both);
}
