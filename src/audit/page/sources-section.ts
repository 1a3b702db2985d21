/** Sources: whether their logins work, and the progress of the newest content. */
import type { Report, SourceReport } from '../report/report.ts';
import type { Tone } from './data.ts';
import { html, verbatim } from './markup.ts';
import type { Markup } from './markup.ts';
import { badge, empty, section, slot, span, table, time } from './elements.ts';
import { timeline } from './timeline-section.ts';

type Registry = SourceReport['registries'][number];

const SOURCE_TONES: Readonly<Record<SourceReport['state'], Tone>> = {
  good: 'ok',
  missing: 'error',
  invalid: 'error',
  'held back': 'error',
  unread: 'unknown',
};
const LOGIN_TONES: Readonly<Record<Registry['state'], Tone>> = {
  accepted: 'ok',
  refused: 'error',
  unknown: 'unknown',
  untried: 'none',
};

export function sources({ sources: all, configured, generatedAt }: Report): Markup {
  const title = { id: 'sources', title: 'Sources' };
  if (!configured)
    return section({
      ...title,
      body: empty(
        html`No configuration was given. <code>pullpass audit --config FILE -o html</code> says how sources, copies and cache proxies stand.`,
      ),
    });
  if (all.length === 0) return section({ ...title, body: empty(html`The configuration has no sources.`) });
  return section({
    ...title,
    count: all.length,
    body: html`${all.map((source, i) => sourceOf(source, `source-${i}`, Date.parse(generatedAt)))}`,
  });
}

function sourceOf(source: SourceReport, id: string, now: number): Markup {
  const { name, secret, copyName, state, problems, registries, copies, rotation } = source;
  return html`<article class="card source" aria-labelledby="${id}">
<h3 id="${id}">${name} ${badge(SOURCE_TONES[state], state)}</h3>
<p class="facts">Secret <span class="code">${secret}</span>, copied as <span class="code">${copyName}</span></p>
${problems.length === 0 ? html`` : html`<ul class="problems">${problems.map((problem) => html`<li>${problem}</li>`)}</ul>`}
${
  registries.length === 0
    ? html`<p class="empty">Nothing usable was read from it.</p>`
    : table({
        id: `${id}-registries`,
        caption: `Registries of source ${name}`,
        columns: [
          { title: 'Registry key' },
          { title: 'Login' },
          { title: 'Since' },
          { title: 'Ends' },
          { title: 'Used' },
        ],
        rows: registries.map((each) => registryRow(each, now)),
      })
}
<h4>Rotation ${rotationBadge(source)}</h4>
${progress(`${id}-copies`, 'Copies with the newest content', rotation.copiesDone, rotation.copies)}
${progress(`${id}-proxies`, 'Cache proxies with the newest login', rotation.proxiesDone, rotation.proxies)}
${copiesAmiss(copies)}
${timeline(source, id)}
</article>
`;
}

function registryRow({ key, state, why, since, expiresAt, endsSoon = false, used }: Registry, now: number): Markup {
  const cells = [
    html`${badge(LOGIN_TONES[state], state === 'untried' ? 'not tried' : state)}${slot('why', why ?? '')}`,
    since === undefined ? html`` : time(since),
    expiresAt === undefined ? html`not known` : html`${time(expiresAt)} ${ends(Date.parse(expiresAt) - now, endsSoon)}`,
    html`${used === undefined ? 'not known' : used ? 'yes' : 'no'}`,
  ];
  return html`<tr><th scope="row"><span class="code">${key}</span></th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>
`;
}

/** Without a content there is no rotation: nothing has begun, so nothing is complete. */
const rotationBadge = ({ state, rotation, registries }: SourceReport): Markup =>
  state === 'unread'
    ? badge('unknown', 'not known')
    : registries.length === 0
      ? badge('unknown', 'nothing to spread yet')
      : badge(rotation.complete ? 'ok' : 'warning', rotation.complete ? 'complete' : 'not complete');

const ends = (ms: number, soon: boolean): Markup =>
  ms <= 0
    ? badge('error', `ended ${span(ms)} ago`)
    : soon
      ? badge('warning', `in ${span(ms)}`)
      : html`<span class="note">in ${span(ms)}</span>`;

function progress(id: string, label: string, done: number, total: number): Markup {
  if (total === 0) return html``;
  const bar = html`<progress id="${id}" value="${verbatim(String(done))}" max="${verbatim(String(total))}"></progress>`;
  return html`<div class="progress"><label for="${id}">${label}</label> ${bar} <span>${done} of ${total}</span></div>
`;
}

/** Counts only the copies that need attention. */
function copiesAmiss({ stale, missing, foreign, other, orphaned }: SourceReport['copies']): Markup {
  const parts = (
    [
      [stale, 'out of date'],
      [missing, 'missing'],
      [foreign, 'not made by Pullpass'],
      [other, 'not there for another reason'],
      [orphaned, 'left over, asked for by nobody'],
    ] as const
  ).filter(([n]) => n > 0);
  return parts.length === 0
    ? html``
    : html`<p class="facts">Copies: ${parts.map(([n, words], i) => html`${verbatim(i > 0 ? ', ' : '')}${n} ${words}`)}.</p>`;
}
