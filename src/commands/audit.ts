/** `pullpass audit`: what would break, and why. Reads, and writes nothing. */
import { createReport } from '../audit/report/create.ts';
import type { Severity } from '../audit/rules/rule.ts';
import { SEVERITIES } from '../audit/rules/rule.ts';
import { knownTo } from '../audit/observe/known.ts';
import { observe } from '../audit/observe/observe.ts';
import type { ObserveOptions } from '../audit/observe/observe.ts';
import { renderReport } from '../audit/render/outputs.ts';
import type { RenderOptions } from '../audit/render/outputs.ts';
import type { Report } from '../audit/report/report.ts';

export interface AuditOptions
  extends RenderOptions, Pick<ObserveOptions, 'client' | 'configuration' | 'controller' | 'now' | 'signal'> {
  /** Names of the only namespaces to look at. */
  readonly namespaces?: readonly string[] | undefined;
  /** The lowest severity that fails the command; undefined: none does. */
  readonly failOn?: Severity | undefined;
  /** Told how far it is, for a terminal. */
  readonly progress?: ((line: string) => void) | undefined;
}

const EXIT_FINDINGS = 3;

/** Throws UserError for a namespace that does not exist or a cluster of which nothing may be read. */
export async function runAudit(options: AuditOptions): Promise<{ report: Report; text: string; exitCode: number }> {
  const { client, configuration, namespaces, failOn, controller, signal, progress, ...rest } = options;
  const observation = await observe({
    ...rest,
    client,
    configuration,
    only: namespaces,
    controller,
    signal,
    known: configuration && ((snapshot) => knownTo({ client, configuration, snapshot })),
    progress: progress && ((step, done) => progress(`${done} ${step} read`)),
  });
  const report = createReport(observation);
  return { report, text: renderReport(report, options), exitCode: reaches(report, failOn) ? EXIT_FINDINGS : 0 };
}

export function reaches({ summary }: Report, failOn: Severity | undefined): boolean {
  return (
    failOn !== undefined &&
    SEVERITIES.slice(0, SEVERITIES.indexOf(failOn) + 1).some((severity) => summary.findings[severity] > 0)
  );
}
