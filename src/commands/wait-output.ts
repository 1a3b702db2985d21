/** How `pullpass wait` ended: text, or a documented shape for programs; for one cluster, and for several. */
import { summary } from '../rotation/progress-text.ts';
import type { InContext } from './contexts.ts';
import { render } from './output.ts';
import type { Output } from './output.ts';
import type { Waited } from './wait-run.ts';

const API_VERSION = 'pullpass.dev/v1alpha1';

/** Ends with a line break. */
export const textOf = ({ headline, lines }: Waited): string => `${[headline, ...lines].join('\n  ')}\n`;

/** Ends with a line break. */
export const renderWait = (source: string, waited: Waited, output: Output): string =>
  render(output, { apiVersion: API_VERSION, kind: 'Rotation', source, ...dataOf(waited) }, () => textOf(waited));

/** Complete only if each cluster is: one that gave no answer is not. The exit status is the worst one. */
export function renderWaits(
  source: string,
  all: readonly InContext<Waited>[],
  output: Output,
): { text: string; exitCode: number } {
  const exitCode = Math.max(...all.map((each) => (each.ok ? each.value.exitCode : each.exitCode)));
  const open = all.filter((each) => !each.ok || each.value.exitCode !== 0).map(({ context }) => context);
  const complete = open.length === 0;
  const contexts = Object.fromEntries(
    all.map((each) => [each.context, each.ok ? dataOf(each.value) : { complete: false, error: each.why }]),
  );
  const data = { apiVersion: API_VERSION, kind: 'RotationList', source, complete, contexts };
  const last = complete
    ? `safe to revoke in every cluster: the rotation of source "${source}" is complete in ${all.length} of ${all.length}`
    : `not safe to revoke: the rotation of source "${source}" is not complete in ${open.join(', ')}`;
  const section = (each: InContext<Waited>): string =>
    `${each.context}: ${each.ok ? textOf(each.value) : `not known, so not complete: ${each.why}\n`}`;
  return { text: render(output, data, () => `${all.map(section).join('')}${last}\n`), exitCode };
}

function dataOf({ exitCode, lines, rotation }: Waited) {
  return {
    complete: exitCode === 0,
    ...(rotation && {
      summary: summary(rotation),
      heldBack: rotation.heldBack,
      copies: rotation.copies,
      proxies: rotation.proxies,
    }),
    notes: lines,
  };
}
