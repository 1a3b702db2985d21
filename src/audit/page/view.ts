/** From the report to the rows of the page. Pure. */
import type { Finding } from '../rules/rule.ts';
import { grouped } from '../report/groups.ts';
import type { NamespaceReport, Report } from '../report/report.ts';
import type { CellData, FindingRow, GroupData, Level, NamespaceRow, PageData, Tone } from './data.ts';

type Standing = NamespaceReport['sources'][number];

export function pageData(report: Report): PageData {
  const names = report.sources.map(({ name }) => name);
  const complaints = complaintsOf(report.findings);
  return {
    groups: grouped(report).flatMap(({ groups }) =>
      groups.map(({ rule: { id, title, severity }, findings }): GroupData => {
        const common = commonRemedy(findings);
        return { rule: id, title, severity, findings: findings.map((finding) => rowOf(finding, common)) };
      }),
    ),
    namespaces: report.namespaces.map((namespace) =>
      namespaceRow(namespace, { sources: names, complaints, configured: report.configured }),
    ),
  };
}

/** What to do about all of them, where that is the same. */
export function commonRemedy(findings: readonly Finding[]): string | undefined {
  const [first] = findings;
  return findings.every(({ remedy }) => remedy === first?.remedy) ? first?.remedy : undefined;
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

/** Rules about what a namespace asked for, by what its cell says. */
const COMPLAINTS: Readonly<Partial<Record<Standing['why'], string>>> = { denied: 'PP007', 'bad annotation': 'PP008' };

/** `PP007 team-a`. To be admitted by one source and not by another is no problem: only the rules know where it is one. */
const complaintsOf = (findings: readonly Finding[]): ReadonlySet<string> =>
  new Set(
    findings
      .filter(({ rule, object }) => object.kind === 'Namespace' && Object.values(COMPLAINTS).includes(rule))
      .map(({ rule, object }) => `${rule} ${object.name}`),
  );

interface Around {
  readonly sources: readonly string[];
  readonly complaints: ReadonlySet<string>;
  readonly configured: boolean;
}

function namespaceRow(namespace: NamespaceReport, { sources, complaints, configured }: Around): NamespaceRow {
  const { name, why, pods, podsFailing: failing, findings } = namespace;
  const standings = new Map(namespace.sources.map((standing) => [standing.source, standing]));
  const cells = sources.map((source) => cellOf(standings.get(source), (rule) => complaints.has(`${rule} ${name}`)));
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
  leftover: 'warning',
  retained: 'info',
  held: 'warning',
  none: 'none',
};

function cellOf(standing: Standing | undefined, complained: (rule: string) => boolean): CellData {
  if (standing === undefined) return { tone: 'unknown', word: 'not seen', references: '' };
  const {
    optedIn,
    why,
    copy,
    serviceAccounts: { selected, referenced },
  } = standing;
  if (!optedIn) {
    const rule = COMPLAINTS[why];
    return copy === 'none'
      ? { tone: rule !== undefined && complained(rule) ? 'warning' : 'none', word: why, references: '' }
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
