/**
 * Writes what the chart has from elsewhere: `npm run generate`. The version comes from package.json, the schema of the values from
 * `values.ts`, and the monitoring objects are those of the kustomize component. A test holds them up to date.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseDocument } from 'yaml';
import manifest from '../package.json' with { type: 'json' };
import { OLDEST_KUBERNETES } from '../src/names.ts';
import { valuesJsonSchema } from './values.ts';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
export const CHART = path.join(ROOT, 'charts/pullpass');
const MONITORING = ['service.yaml', 'service-monitor.yaml', 'prometheus-rule.yaml', 'dashboard.json'];

/** The generated files, by their path in the chart. */
export function generated(): Map<string, string> {
  const chart = parseDocument(readFileSync(path.join(CHART, 'Chart.yaml'), 'utf8'));
  chart.set('kubeVersion', `>=${OLDEST_KUBERNETES}.0-0`);
  chart.set('version', manifest.version);
  chart.set('appVersion', manifest.version);
  return new Map([
    ['Chart.yaml', chart.toString({ lineWidth: 0, flowCollectionPadding: false })],
    ['values.schema.json', `${JSON.stringify(valuesJsonSchema(), null, 2)}\n`],
    ...MONITORING.map((file): [string, string] => [
      `files/monitoring/${file}`,
      readFileSync(path.join(ROOT, 'manifests/components/monitoring', file), 'utf8'),
    ]),
  ]);
}
