/** `pullpass audit`: what would break, and why. Reads, and writes nothing. */
import type { Configuration } from '../config/schema.ts';
import type { KubeClient } from '../kube/client.ts';
import type { ControllerAccount } from '../audit/controller-rights.ts';
import { createReport } from '../audit/create-report.ts';
import type { Severity } from '../audit/finding.ts';
import { SEVERITIES } from '../audit/finding.ts';
import type { Observation } from '../audit/observation.ts';
import { observe } from '../audit/observe.ts';
import { renderReport } from '../audit/render/index.ts';
import type { RenderOptions } from '../audit/render/index.ts';
import type { Report } from '../audit/report.ts';
import type { Digest } from '../reconcile/world.ts';

export interface AuditOptions extends RenderOptions {
  readonly client: KubeClient;
  /** Without one, what needs no source is audited all the same. */
  readonly configuration?: Configuration | undefined;
  readonly digest: Digest;
  /** Names of the only namespaces to look at. */
  readonly namespaces?: readonly string[] | undefined;
  /** The lowest severity that fails the command; undefined: none does. */
  readonly failOn?: Severity | undefined;
  readonly controller?: ControllerAccount | undefined;
  /** What other parts found out: credentials tried, cache proxies looked at. */
  readonly known?: Pick<Observation, 'registries' | 'proxies' | 'heldBack'> | undefined;
  /** Told how far it is, for a terminal. */
  readonly progress?: ((line: string) => void) | undefined;
  readonly now?: (() => number) | undefined;
  readonly signal?: AbortSignal | undefined;
}

const EXIT_FINDINGS = 3;

/** Throws UserError for a namespace that does not exist or a cluster of which nothing may be read. */
export async function runAudit(options: AuditOptions): Promise<{ report: Report; text: string; exitCode: number }> {
  const { client, configuration, digest, namespaces, failOn, controller, known, progress, now, signal } = options;
  const observation = await observe({
    client, configuration, digest, only: namespaces, controller, known, now, signal,
    progress: progress && ((step, done) => progress(`${done} ${step} read`)),
  });
  const report = createReport(observation);
  return { report, text: renderReport(report, options), exitCode: reaches(report, failOn) ? EXIT_FINDINGS : 0 };
}

export function reaches({ summary }: Report, failOn: Severity | undefined): boolean {
  return failOn !== undefined && SEVERITIES.slice(0, SEVERITIES.indexOf(failOn) + 1).some((severity) => summary.findings[severity] > 0);
}
