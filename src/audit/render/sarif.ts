/** `-o sarif`: SARIF 2.1.0, for code scanning and for tools that collect findings. */
import { createHash } from 'node:crypto';
import type { Finding, FindingObject, Severity } from '../rules/rule.ts';
import type { Report } from '../report/report.ts';

const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';
const LEVELS: Readonly<Record<Severity, 'error' | 'warning' | 'note'>> = {
  error: 'error',
  warning: 'warning',
  info: 'note',
};

/** Ends with a line break. */
export function renderSarif(report: Report, version?: string): string {
  return `${JSON.stringify(toSarif(report, version), undefined, 2)}\n`;
}

export function toSarif(report: Report, version?: string) {
  const { rules, findings, couldNotSee, generatedAt } = report;
  const index = new Map(rules.map(({ id }, i) => [id, i]));
  return {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'Pullpass',
            ...(version !== undefined && { semanticVersion: version }),
            rules: rules.map(({ id, name, severity, title, cause, remedy }) => ({
              id,
              name: pascal(name),
              shortDescription: { text: `${title}.` },
              fullDescription: { text: cause },
              help: {
                text: `${cause}\n\nWhat to do: ${remedy}`,
                markdown: `${markdown(cause)}\n\n**What to do:** ${markdown(remedy)}`,
              },
              defaultConfiguration: { level: LEVELS[severity] },
            })),
          },
        },
        originalUriBaseIds: { CLUSTER: { description: { text: 'The Kubernetes API of the cluster.' } } },
        columnKind: 'utf16CodeUnits',
        invocations: [
          {
            executionSuccessful: true,
            endTimeUtc: generatedAt,
            ...(couldNotSee.length > 0 && {
              toolExecutionNotifications: couldNotSee.map((text) => ({ level: 'warning', message: { text } })),
            }),
          },
        ],
        results: findings.map((finding) => ({
          ruleId: finding.rule,
          ruleIndex: index.get(finding.rule) ?? -1,
          level: LEVELS[finding.severity],
          message: { text: `${finding.message} What to do: ${finding.remedy}` },
          locations: [
            {
              logicalLocations: [
                { name: finding.object.name, fullyQualifiedName: pathOf(finding.object), kind: finding.object.kind },
              ],
              // Forges show no result without a file: use the object's path in the cluster.
              physicalLocation: {
                artifactLocation: {
                  uri: pathOf(finding.object).split('/').map(encodeURIComponent).join('/'),
                  uriBaseId: 'CLUSTER',
                },
                region: { startLine: 1 },
              },
            },
          ],
          partialFingerprints: { 'pullpass/v1': fingerprint(finding) },
        })),
      },
    ],
  };
}

/** The same for the same fault in every run: it leaves out the message, which holds numbers and times. */
function fingerprint({ rule, object, about = '' }: Finding): string {
  return createHash('sha256')
    .update(JSON.stringify([rule, object.kind, object.namespace ?? '', object.name, about]))
    .digest('hex')
    .slice(0, 32);
}

/** `team-a/Deployment/web`, or `Source/upstream`. */
function pathOf({ kind, namespace, name }: FindingObject): string {
  return [...(namespace === undefined ? [] : [namespace]), kind, name.replaceAll('/', '_')].join('/');
}

const pascal = (name: string): string =>
  name.replace(/(^|-)([a-z])/g, (_, _dash: string, letter: string) => letter.toUpperCase());

/** Our own text as Markdown; `code` stays. */
const markdown = (text: string): string => text.replace(/[<>]/g, (character) => (character === '<' ? '&lt;' : '&gt;'));
