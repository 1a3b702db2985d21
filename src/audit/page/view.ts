/** Makes the rows of the page from the report. Pure. */
import { badAnnotation, optInDenied } from '../rules/opt-in.ts';
import type { Finding, Rule } from '../rules/rule.ts';
import { grouped } from '../report/groups.ts';
import type { NamespaceReport, Report } from '../report/report.ts';
import type { CellData, FindingRow, GroupData, Level, NamespaceRow, PageData, Tone } from './data.ts';

type Standing = NamespaceReport['sources'][number];

export function pageData(report: Report): PageData {
  const names = report.sources.map(({ name }) => name);
  const complaints = complaintsOf(report.findings);
  return {
    groups: grouped(report).flatMap(({ groups }) =>
      groups.map(({ rule: { id, title, severity }, findings, remedy }): GroupData => ({
        rule: id,
        title,
        severity,
        findings: findings.map((finding) => rowOf(finding, remedy)),
      })),
    ),
    namespaces: report.namespaces.map((namespace) =>
      namespaceRow(namespace, { sources: names, complaints, configured: report.configured }),
    ),
  };
}

function rowOf(
  { object: { kind, namespace, name }, message, remedy }: Finding,
  common: string | undefined,
): FindingRow {
  const here = kind === 'Namespace' ? name : (namespace ?? '');
  return {
    namespace: here,
    object: kind === 'Namespace' ? kind : `${kind} ${name}`,
    message,
    ...(remedy !== common && { remedy }),
  };
}

/** For words in cells that can be a problem: the namespaces in which they are one. */
type Complaints = Readonly<Partial<Record<Standing['why'], ReadonlySet<string>>>>;

/** From the findings: that a guard does not admit a namespace is a problem only if a rule says so. */
function complaintsOf(findings: readonly Finding[]): Complaints {
  const namespacesOf = ({ id }: Rule): ReadonlySet<string> =>
    new Set(
      findings
        .filter(({ rule, object }) => rule === id && object.kind === 'Namespace')
        .map(({ object }) => object.name),
    );
  return { denied: namespacesOf(optInDenied), 'bad annotation': namespacesOf(badAnnotation) };
}

interface Around {
  readonly sources: readonly string[];
  readonly complaints: Complaints;
  readonly configured: boolean;
}

function namespaceRow(namespace: NamespaceReport, { sources, complaints, configured }: Around): NamespaceRow {
  const { name, why, pods, podsFailing: failing, findings } = namespace;
  const standings = new Map(namespace.sources.map((standing) => [standing.source, standing]));
  const cells = sources.map((source) => cellOf(standings.get(source), name, complaints));
  return {
    name,
    level: levelOf(namespace, cells, configured),
    why,
    cells,
    pods,
    failing,
    errors: findings.error,
    warnings: findings.warning,
    notes: findings.info,
  };
}

const TONES: Readonly<Record<Standing['copy'], Tone>> = {
  'in sync': 'ok',
  source: 'ok',
  missing: 'error',
  stale: 'error',
  foreign: 'error',
  unavailable: 'unknown',
  terminating: 'warning',
  blocked: 'error',
  leftover: 'warning',
  retained: 'info',
  held: 'warning',
  none: 'none',
};

function cellOf(standing: Standing | undefined, namespace: string, complaints: Complaints): CellData {
  if (standing === undefined) return { tone: 'unknown', word: 'not seen', references: '' };
  const {
    optedIn,
    why,
    copy,
    serviceAccounts: { selected, referenced },
  } = standing;
  if (!optedIn) {
    return copy === 'none'
      ? { tone: complaints[why]?.has(namespace) === true ? 'warning' : 'none', word: why, references: '' }
      : { tone: TONES[copy], word: copy, references: '' };
  }
  const word = copy === 'source' ? 'the source itself' : copy;
  const references = `${referenced}/${selected} refs`;
  return referenced < selected && TONES[copy] === 'ok'
    ? { tone: 'error', word: `${word}, not referenced`, references }
    : { tone: TONES[copy], word, references };
}

function levelOf(
  { optedIn, podsFailing, findings }: NamespaceReport,
  cells: readonly CellData[],
  configured: boolean,
): Level {
  const has = (...tones: Tone[]): boolean => cells.some(({ tone }) => tones.includes(tone));
  if (findings.error > 0 || podsFailing > 0 || has('error')) return 'error';
  if (findings.warning > 0 || (optedIn && has('unknown'))) return 'warning';
  return optedIn || !configured ? 'ok' : 'none';
}
