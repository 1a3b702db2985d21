/** What manifests/components/monitoring holds, for the tests of its parts. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

export const COMPONENT = path.resolve(import.meta.dirname, '../../manifests/components/monitoring');
const read = (name: string): string => readFileSync(path.join(COMPONENT, name), 'utf8');

export interface Alert {
  alert: string;
  expr: string;
  for: string;
  labels: Record<string, string>;
  annotations: { summary: string; description: string; runbook_url: string };
}

export const RULE_GROUPS = (
  parse(read('prometheus-rule.yaml')) as { spec: { groups: { name: string; rules: Alert[] }[] } }
).spec.groups;
export const ALERTS = RULE_GROUPS.flatMap(({ rules }) => rules);

/** A panel or a row of the dashboard, as far as tests look at it. */
export interface Panel {
  id: number;
  type: string;
  title: string;
  description?: string;
  gridPos: { x: number; y: number; w: number; h: number };
  datasource?: { type: string; uid: string };
  fieldConfig?: { defaults: { unit?: string } };
  targets?: {
    refId: string;
    expr: string;
    legendFormat?: string;
    format?: string;
    datasource?: { type: string; uid: string };
  }[];
}
export interface Dashboard {
  uid: string;
  title: string;
  schemaVersion: number;
  panels: Panel[];
  templating: {
    list: {
      name: string;
      type: string;
      query?: string | { query: string };
      datasource?: { type: string; uid: string };
    }[];
  };
}
export const DASHBOARD_TEXT = read('dashboard.json');
export const dashboard = (): Dashboard => JSON.parse(DASHBOARD_TEXT) as Dashboard;
