/** Findings by rule, errors first, with filters above. Without JavaScript: no filters, and only the first rows. */
import { SEVERITIES } from '../rules/rule.ts';
import { grouped, HEADINGS } from '../report/groups.ts';
import type { RuleGroup } from '../report/groups.ts';
import type { Report } from '../report/report.ts';
import type { FindingRow, GroupData, PageData } from './data.ts';
import { html, prose } from './markup.ts';
import type { Markup } from './markup.ts';
import { empty, icon, section, slot } from './elements.ts';

/** Most rows in the HTML, in all groups together. */
const MAX_SERVED = 500;

export function findings(report: Report, data: PageData): Markup {
  const total = report.findings.length;
  if (total === 0) {
    const unseen = report.couldNotSee.length > 0;
    return section({
      id: 'findings',
      title: 'Findings',
      body: empty(
        unseen
          ? html`Nothing is wrong with what could be seen. <a href="#not-seen">What could not be seen</a> is listed below.`
          : html`Nothing is wrong: there is nothing to do.`,
      ),
    });
  }
  const share = fairShare(
    data.groups.map((group) => group.findings.length),
    MAX_SERVED,
  );
  const rows = new Map(data.groups.map((group) => [group.rule, group]));
  return section({
    id: 'findings',
    title: 'Findings',
    count: total,
    body: html`${filters(report)}
<p id="shown" class="shown" role="status" hidden></p>
<p id="no-match" class="empty" hidden>No finding matches these filters.</p>
${grouped(report).map(
  ({ severity, count, groups }) => html`<div class="severity" data-severity="${severity}">
<h3 id="${HEADINGS[severity].toLowerCase()}">${HEADINGS[severity]} <span class="tally">${count}</span></h3>
${groups.map((group) => groupOf(group, rows.get(group.rule.id), share))}</div>
`,
)}<template id="finding-row">${findingRow({ namespace: '', object: '', message: '', remedy: '' })}</template>
`,
  });
}

function groupOf(
  { rule, findings: found, remedy: common }: RuleGroup,
  data: GroupData | undefined,
  share: number,
): Markup {
  const served = data?.findings.slice(0, share) ?? [];
  const more = found.length - served.length;
  const id = html`<span class="id">${rule.id} <span class="name">${rule.name}</span></span>`;
  const toDo =
    common === undefined ? html`` : html`<p class="remedy"><span class="label">What to do</span> ${prose(common)}</p>`;
  const inGeneral =
    common === undefined ? html`<p><span class="label">In general</span> ${prose(rule.remedy)}</p>` : html``;
  const rest =
    more > 0
      ? html`<p class="rest">and ${more} more, for which this page needs JavaScript; <code>pullpass audit -o json</code> prints them all</p>`
      : html``;
  return html`<section class="group" id="${rule.id}" data-severity="${rule.severity}" aria-labelledby="${rule.id}-title">
<h4 id="${rule.id}-title" tabindex="-1">${icon(rule.severity)}<span>${rule.title}</span> <span class="tally">${found.length}</span> ${id}</h4>
${toDo}
<details><summary>Why this happens<span class="unseen">: ${rule.title}</span></summary><p>${prose(rule.cause)}</p>${inGeneral}</details>
<ul class="rows" role="list">
${served.map(findingRow)}</ul>
${rest}
<button type="button" class="more" hidden>Show more</button>
</section>
`;
}

function findingRow({ namespace, object, message, remedy = '' }: FindingRow): Markup {
  const where = html`<p class="where">${slot('namespace', namespace)} ${slot('object', object)}</p>`;
  const hidden = remedy === '' ? html` hidden` : html``;
  const toDo = html`<p class="remedy" data-slot="remedy"${hidden}>${prose(remedy)}</p>`;
  return html`<li>${where}<div><p class="message">${slot('message', message, 'text')}</p>${toDo}</div></li>
`;
}

function filters({ summary, rules }: Report): Markup {
  const boxes = SEVERITIES.map((severity) => {
    const disabled = summary.findings[severity] === 0 ? html` disabled` : html``;
    const box = html`<input type="checkbox" name="severity" value="${severity}" checked${disabled}>`;
    return html`<label>${box} ${icon(severity)}${HEADINGS[severity]}</label>`;
  });
  const options = rules.map(({ id, title }) => html`<option value="${id}">${id} ${title}</option>`);
  const asTyped = html`autocomplete="off" autocapitalize="off" spellcheck="false"`;
  return html`<form id="filters" class="filters" role="search" aria-label="Filter findings" hidden>
<fieldset><legend>Severity</legend>${boxes}</fieldset>
<label>Namespace <input type="search" name="namespace" list="namespace-names" ${asTyped} placeholder="all"></label>
<label>Rule <select name="rule"><option value="">all</option>${options}</select></label>
<label class="wide">Text <input type="search" name="text" autocomplete="off" spellcheck="false" placeholder="in any part of a finding"></label>
<button type="reset">Clear filters</button>
<datalist id="namespace-names"></datalist>
</form>
`;
}

/** The most rows per group so that all groups together have at most `limit`. A long group does not crowd out the others. */
function fairShare(sizes: readonly number[], limit: number): number {
  let share = limit;
  for (let left = limit, groups = sizes.length; groups > 0; groups--) {
    share = Math.floor(left / groups);
    const smallest = [...sizes].sort((a, b) => a - b)[sizes.length - groups] ?? 0;
    if (smallest > share) return share;
    left -= smallest;
  }
  return Math.max(share, ...sizes);
}
