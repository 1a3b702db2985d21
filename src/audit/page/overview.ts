/** The first screen: the result, the numbers, and what is wrong, a line per rule. */
import { agree, capital } from '../../text.ts';
import type { Severity } from '../rules/rule.ts';
import { grouped, HEADINGS } from '../report/groups.ts';
import { resultOf } from '../report/result.ts';
import type { Report } from '../report/report.ts';
import type { Tone } from './data.ts';
import { html } from './markup.ts';
import type { Markup } from './markup.ts';
import { icon } from './elements.ts';

/** Most rules, so that the list fits on the first screen. */
const MAX_LINES = 14;

export function overview(report: Report): Markup {
  const { level, counts, meaning, facts } = resultOf(report);
  return html`<section class="verdict" id="state" data-tone="${level}" aria-labelledby="state-title">
<div class="said">
<h2 id="state-title">${icon(level)} <span>${capital(meaning)}. <small>${counts}</small></span></h2>
${facts.map((fact) => html`<p>${capital(fact)}</p>`)}
</div>
${numbers(report)}
</section>
${wrong(report)}`;
}

function numbers({ summary, configured }: Report): Markup {
  const { findings, copies, serviceAccounts, pods, podsFailing } = summary;
  const wanted = copies.inSync + copies.outOfSync;
  const of = (n: number, total: number): Markup => html`${n} <small>of ${total}</small>`;
  const counts = (['error', 'warning', 'info'] as const).map((severity) =>
    number(HEADINGS[severity], html`${findings[severity]}`, findings[severity] > 0 ? severity : 'none'),
  );
  return html`<dl class="numbers">
${counts}
${
  configured
    ? html`${number('Copies in sync', of(copies.inSync, wanted), toneOf(copies.inSync === wanted))}
${number('References in place', of(serviceAccounts.referenced, serviceAccounts.selected), toneOf(serviceAccounts.referenced === serviceAccounts.selected))}`
    : html``
}
${pods === 0 ? number('Pods seen', html`0`, 'none') : number('Pods that cannot pull', of(podsFailing, pods), toneOf(podsFailing === 0))}
</dl>`;
}

const number = (name: string, value: Markup, tone: Tone): Markup =>
  html`<div data-tone="${tone}"><dt>${name}</dt><dd>${value}</dd></div>`;

const toneOf = (good: boolean): Tone => (good ? 'none' : 'error');

function wrong(report: Report): Markup {
  const groups = grouped(report).flatMap((each) => each.groups);
  if (groups.length === 0) return html``;
  const lines = groups.slice(0, MAX_LINES).map(({ rule, findings }) => {
    const what = html`<span class="unseen"> ${noun(rule.severity, findings.length)}:</span>`;
    const count = html`<span class="count">${findings.length}${what}</span>`;
    const example = html`<span class="example">${exampleOf(findings)}</span>`;
    const line = html`<span class="line"><span class="title">${rule.title}</span>${example}</span>`;
    return html`<li><a href="#${rule.id}">${icon(rule.severity)}${count}${line}<span class="id">${rule.id}</span></a></li>
`;
  });
  return html`<nav class="wrong" aria-labelledby="wrong-title">
<h2 id="wrong-title">What is wrong</h2>
<ol>
${lines}</ol>
${groups.length > MAX_LINES ? html`<p><a href="#findings">and ${groups.length - MAX_LINES} more kinds of findings</a></p>` : html``}
</nav>
`;
}

function exampleOf(findings: ReturnType<typeof grouped>[number]['groups'][number]['findings']): string {
  const [first] = findings;
  if (first === undefined) return '';
  // An object can have several findings of one rule: count objects.
  const others =
    new Set(findings.map(({ object: { kind, namespace, name } }) => JSON.stringify([kind, namespace, name]))).size - 1;
  const { kind, namespace, name } = first.object;
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}${others > 0 ? `, and ${others.toLocaleString('en-US')} more` : ''}`;
}

function noun(severity: Severity, n: number): string {
  const one = severity === 'info' ? 'note' : severity;
  return agree(n, one, `${one}s`);
}
