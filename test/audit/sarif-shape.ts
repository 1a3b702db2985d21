/**
 * What SARIF 2.1.0 (OASIS, errata 01) says of the part of it that Pullpass writes, beyond its JSON Schema: closed objects, and the
 * rules between members.
 */
import { z } from 'zod';

const level = z.enum(['none', 'note', 'warning', 'error']);
const message = z.strictObject({ text: z.string().min(1) });
const help = z.strictObject({ text: z.string().min(1), markdown: z.string().min(1) });
const uriReference = z
  .string()
  .regex(/^[A-Za-z0-9._~!$&'()*+,;=:@%/-]+$/)
  .refine((uri) => !/%(?![0-9A-F]{2})/.test(uri), 'has a bad escape');

export const sarifShape = z
  .strictObject({
    $schema: z.url(),
    version: z.literal('2.1.0'),
    runs: z
      .array(
        z.strictObject({
          tool: z.strictObject({
            driver: z.strictObject({
              name: z.string().min(1),
              semanticVersion: z.string().exactOptional(),
              rules: z.array(
                z.strictObject({
                  id: z.string().min(1),
                  name: z.string().regex(/^([A-Z][a-z]+)+$/),
                  shortDescription: message,
                  fullDescription: message,
                  help,
                  defaultConfiguration: z.strictObject({ level }),
                }),
              ),
            }),
          }),
          originalUriBaseIds: z.record(z.string(), z.strictObject({ description: message })),
          columnKind: z.enum(['utf16CodeUnits', 'unicodeCodePoints']),
          invocations: z.array(
            z.strictObject({
              executionSuccessful: z.boolean(),
              endTimeUtc: z.iso.datetime(),
              toolExecutionNotifications: z.array(z.strictObject({ level, message })).exactOptional(),
            }),
          ),
          results: z.array(
            z.strictObject({
              ruleId: z.string().min(1),
              ruleIndex: z.int().min(0),
              level,
              message,
              locations: z.array(
                z.strictObject({
                  logicalLocations: z
                    .array(
                      z.strictObject({
                        name: z.string().min(1),
                        fullyQualifiedName: z.string().min(1),
                        kind: z.string().min(1),
                      }),
                    )
                    .min(1),
                  physicalLocation: z.strictObject({
                    artifactLocation: z.strictObject({ uri: uriReference, uriBaseId: z.string() }),
                    region: z.strictObject({ startLine: z.int().min(1) }),
                  }),
                }),
              ),
              partialFingerprints: z.record(z.string(), z.string().min(1)),
            }),
          ),
        }),
      )
      .min(1),
  })
  .superRefine(({ runs }, ctx) => {
    for (const { tool, results, originalUriBaseIds } of runs) {
      const ids = tool.driver.rules.map(({ id }) => id);
      if (new Set(ids).size !== ids.length) ctx.addIssue({ code: 'custom', message: 'rules are not unique' });
      const fingerprints = results.map(({ partialFingerprints }) => JSON.stringify(partialFingerprints));
      if (new Set(fingerprints).size !== fingerprints.length)
        ctx.addIssue({ code: 'custom', message: 'fingerprints are not unique' });
      for (const { ruleId, ruleIndex, locations } of results) {
        if (ids[ruleIndex] !== ruleId)
          ctx.addIssue({ code: 'custom', message: `ruleIndex of ${ruleId} points elsewhere` });
        for (const { physicalLocation } of locations)
          if (!(physicalLocation.artifactLocation.uriBaseId in originalUriBaseIds))
            ctx.addIssue({ code: 'custom', message: 'uriBaseId is not declared' });
      }
    }
  });
