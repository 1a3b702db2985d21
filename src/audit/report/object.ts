/**
 * The report as an object that dashboards know: ClusterReport (openreports.io) or ClusterPolicyReport (wgpolicyk8s.io), which
 * differ in one field. Pure. With the previous object, the same findings give the same object, times included.
 */
import { createHash } from 'node:crypto';
import { LABEL_MANAGED_BY, LABEL_ROLE, MANAGER, REPORT_NAME, REPORT_RESOURCES } from '../../names.ts';
import { plural } from '../../text.ts';
import type { Finding, FindingObject, Severity } from '../rules/rule.ts';
import type { Report } from './report.ts';
import { RULES } from '../rules/all.ts';

export type ReportObjectKind = (typeof REPORT_RESOURCES)[number]['kind'];

/** As both APIs define them. pass: nothing found; skip: for information only. */
type ResultState = 'pass' | 'fail' | 'warn' | 'error' | 'skip';

interface ReportResult {
  readonly source: string;
  /** Name of the rule, such as `pull-failing`: dashboards group by it. */
  readonly policy: string;
  /** Id of the rule, such as `PP022`. */
  readonly rule?: string;
  readonly category: string;
  readonly severity?: 'high' | 'medium' | 'info';
  readonly result: ResultState;
  readonly scored: boolean;
  readonly message: string;
  readonly resources?: readonly {
    readonly apiVersion?: string;
    readonly kind: string;
    readonly namespace?: string;
    readonly name: string;
  }[];
  /** When it was first found. */
  readonly timestamp: { readonly seconds: number; readonly nanos: number };
  /** `resultID`: the same for the same fault in every report. Policy Reporter identifies results by it. */
  readonly properties: Readonly<Record<string, string>> & { readonly resultID: string };
}

export interface ReportObject {
  readonly apiVersion: string;
  readonly kind: ReportObjectKind;
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  /** ClusterReport only: a ClusterPolicyReport has it only in the results. */
  readonly source?: string;
  /** Also counts the results that were left out. */
  readonly summary: Readonly<Record<ResultState, number>>;
  readonly results: readonly ReportResult[];
}

/**
 * Most results, and most bytes of them as JSON of the API server. etcd accepts 1.5 MiB per object, with the fields of other
 * field managers, and programs that watch reports keep all of them in memory.
 */
export const MAX_RESULTS = 1_000;
export const MAX_BYTES = 1_000_000;

const OF_SEVERITY: Readonly<Record<Severity, Pick<ReportResult, 'result' | 'severity' | 'scored'>>> = {
  error: { result: 'fail', severity: 'high', scored: true },
  warning: { result: 'warn', severity: 'medium', scored: false },
  info: { result: 'skip', severity: 'info', scored: false },
};

/** For kinds whose API group is known. References to other kinds have no apiVersion, which both APIs allow. */
const API_VERSIONS: Readonly<Record<string, string>> = {
  Namespace: 'v1',
  Pod: 'v1',
  Secret: 'v1',
  ServiceAccount: 'v1',
  ReplicationController: 'v1',
  Deployment: 'apps/v1',
  StatefulSet: 'apps/v1',
  DaemonSet: 'apps/v1',
  ReplicaSet: 'apps/v1',
  Job: 'batch/v1',
  CronJob: 'batch/v1',
  Role: 'rbac.authorization.k8s.io/v1',
  ClusterRole: 'rbac.authorization.k8s.io/v1',
  RoleBinding: 'rbac.authorization.k8s.io/v1',
  ClusterRoleBinding: 'rbac.authorization.k8s.io/v1',
};
/** Our own kinds, if the object has no namespace: other projects have a kind `Source`, too. */
const OURS = new Set(['Source', 'CacheProxy', 'Registry', 'Configuration']);

/** @param before the object in the cluster, if there is one: results that it already has keep their time. */
export function reportObjectOf(
  report: Report,
  kind: ReportObjectKind,
  before?: { readonly results?: unknown },
): ReportObject {
  const { findings, couldNotSee, generatedAt } = report;
  const found = new Set(findings.map(({ rule }) => rule));
  const unseen = couldNotSee.length > 0 ? ' in what could be seen' : '';
  const stamped = stamper(before, Math.floor(Date.parse(generatedAt) / 1000));
  const policies = new Map(RULES.map(({ id, name, category }) => [id, { policy: name, category }]));

  const passed = RULES.filter(({ id }) => !found.has(id)).map(({ id, name, category }) =>
    stamped(
      {
        policy: name,
        rule: id,
        category,
        result: 'pass',
        scored: true,
        message: `Nothing found${unseen}.`,
      },
      [id, 'pass'],
    ),
  );
  const skipped = couldNotSee.map((line) =>
    stamped(
      { policy: 'not-seen', category: 'Not seen', severity: 'info', result: 'skip', scored: false, message: line },
      ['not-seen', line],
    ),
  );
  const hits = findings.map((finding) =>
    stamped(
      {
        ...(policies.get(finding.rule) ?? { policy: finding.rule, category: 'Other' }),
        rule: finding.rule,
        ...OF_SEVERITY[finding.severity],
        message: `${finding.message} What to do: ${finding.remedy}`,
        ...referenceTo(finding),
      },
      [finding.rule, finding.object.kind, finding.object.namespace ?? '', finding.object.name, finding.about ?? ''],
    ),
  );

  // Worst first, as in the report, so that the least important results are left out.
  const { kept, left } = bounded([...hits, ...skipped, ...passed]);
  const missing =
    left === 0
      ? []
      : [
          stamped(
            {
              policy: 'left-out',
              category: 'Not seen',
              severity: 'info',
              result: 'skip',
              scored: false,
              message: `${plural(left, 'more result')} would not fit in here: the page /report and pullpass audit have all of them.`,
            },
            ['left-out'],
          ),
        ];
  const summary = { pass: 0, fail: 0, warn: 0, error: 0, skip: 0 };
  for (const { result } of [...hits, ...skipped, ...passed]) summary[result]++;
  return { ...emptyReportObject(kind), summary, results: [...kept, ...missing] };
}

/** Replaces a report object that is no longer used: the controller has no right to delete it. */
export function emptyReportObject(kind: ReportObjectKind): ReportObject {
  const { group, version } = resourceOf(kind);
  return {
    apiVersion: `${group}/${version}`,
    kind,
    metadata: {
      name: REPORT_NAME,
      labels: { 'app.kubernetes.io/name': MANAGER, [LABEL_MANAGED_BY]: MANAGER, [LABEL_ROLE]: 'report' },
    },
    ...(kind === 'ClusterReport' && { source: MANAGER }),
    summary: { pass: 0, fail: 0, warn: 0, error: 0, skip: 0 },
    results: [],
  };
}

function resourceOf(kind: ReportObjectKind): (typeof REPORT_RESOURCES)[number] {
  return REPORT_RESOURCES.find((each) => each.kind === kind) ?? REPORT_RESOURCES[0];
}

/** API path of the object. */
export function reportPath(kind: ReportObjectKind): string {
  const { group, version, resource } = resourceOf(kind);
  return `/apis/${group}/${version}/${resource}/${REPORT_NAME}`;
}

type Unstamped = Omit<ReportResult, 'source' | 'timestamp' | 'properties'> & {
  readonly properties?: Readonly<Record<string, string>>;
};

/** Gives each result an id, unique in one report, and the time at which it was first found. */
function stamper(
  before: { readonly results?: unknown } | undefined,
  seconds: number,
): (result: Unstamped, identity: readonly string[]) => ReportResult {
  const since = timesIn(before?.results);
  const taken = new Map<string, number>();
  return (result, identity) => {
    const id = createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32);
    const nth = (taken.get(id) ?? 0) + 1;
    taken.set(id, nth);
    const resultID = nth === 1 ? id : `${id}-${nth}`;
    return {
      source: MANAGER,
      ...result,
      timestamp: { seconds: since.get(resultID) ?? seconds, nanos: 0 },
      properties: { ...result.properties, resultID },
    };
  };
}

/** Times by `resultID`. Other writers may have changed the object: results of another shape are ignored. */
function timesIn(results: unknown): Map<string, number> {
  return new Map(
    (Array.isArray(results) ? (results as unknown[]) : []).flatMap((result): [string, number][] => {
      const { properties, timestamp } = (result ?? {}) as {
        properties?: { resultID?: unknown } | null;
        timestamp?: { seconds?: unknown } | null;
      };
      const [id, seconds] = [properties?.resultID, timestamp?.seconds];
      return typeof id === 'string' && Number.isSafeInteger(seconds) ? [[id, seconds as number]] : [];
    }),
  );
}

function referenceTo({ object, about }: Finding): Pick<Unstamped, 'resources' | 'properties'> {
  const more = about === undefined ? {} : { about };
  if (isOurs(object)) return { properties: { object: `${object.kind} ${object.name}`, ...more } };
  const { kind, namespace, name } = object;
  const apiVersion = Object.hasOwn(API_VERSIONS, kind) ? API_VERSIONS[kind] : undefined;
  return {
    resources: [
      { ...(apiVersion !== undefined && { apiVersion }), kind, ...(namespace !== undefined && { namespace }), name },
    ],
    properties: more,
  };
}

const isOurs = ({ kind, namespace }: FindingObject): boolean => namespace === undefined && OURS.has(kind);

function bounded(results: readonly ReportResult[]): { kept: ReportResult[]; left: number } {
  const kept: ReportResult[] = [];
  let bytes = 0;
  for (const result of results) {
    bytes += sizeOf(result);
    if (kept.length === MAX_RESULTS || bytes > MAX_BYTES) break;
    kept.push(result);
  }
  return { kept, left: results.length - kept.length };
}

/** The size of Go's JSON, which writes <, > and & as six bytes each: a tenant could use that to exceed the limit. */
const sizeOf = (result: ReportResult): number => Buffer.byteLength(JSON.stringify(result).replace(/[<>&]/g, '\\u0000'));
