/** Cache proxies: whether each has the newest login, and whether a pull through it works. Also: what could not be seen. */
import { stateOf } from '../../plan/proxy.ts';
import type { Report } from '../report/report.ts';
import { html, prose } from './markup.ts';
import type { Markup } from './markup.ts';
import { badge, empty, section, slot, table, time } from './elements.ts';

const VERIFIED = { verified: 'ok', refused: 'error', unknown: 'unknown' } as const;

export function proxies({ proxies: all, configured, couldNotSee }: Report): Markup {
  const title = { id: 'proxies', title: 'Cache proxies' };
  if (all.length === 0)
    return section({
      ...title,
      body: empty(
        configured
          ? html`None is configured, or none was looked at${couldNotSee.length > 0 ? html`: see <a href="#not-seen">what could not be seen</a>` : html``}.`
          : html`No configuration was given, so nothing is said about cache proxies.`,
      ),
    });
  return section({
    ...title,
    count: all.length,
    body: table({
      id: 'proxy-table',
      caption: 'Cache proxies and the logins they pull with',
      columns: [
        { title: 'Name' },
        { title: 'Login' },
        { title: 'A pull through it' },
        { title: 'Registry, source' },
        { title: 'Address' },
      ],
      rows: all.map(proxyRow),
    }),
  });
}

function proxyRow({
  name,
  kind,
  source,
  registry,
  applied,
  appliedAt,
  verified,
  reason,
  why,
  since,
  url,
}: Report['proxies'][number]): Markup {
  const from = (at: string | undefined): Markup =>
    at === undefined ? html`` : html` <span class="note">since ${time(at)}</span>`;
  const cells = [
    html`${badge(applied ? 'ok' : 'error', applied ? 'newest' : 'not the newest')}${from(appliedAt)}`,
    html`${badge(VERIFIED[verified], verified === 'verified' ? 'works' : stateOf({ state: verified, reason }))}${from(since)} ${slot('why', why)}`,
    html`${registry} ${slot('source', source, 'note')}`,
    slot('url', url ?? '', 'code'),
  ];
  return html`<tr><th scope="row">${name} ${slot('kind', kind, 'note')}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>
`;
}

export function notSeen({ couldNotSee }: Report): Markup {
  if (couldNotSee.length === 0) return html``;
  return section({
    id: 'not-seen',
    title: 'What could not be seen',
    count: couldNotSee.length,
    lead: html`Nothing is concluded from what is missing here.`,
    body: html`<ul class="problems">${couldNotSee.map((line) => html`<li>${prose(line)}</li>`)}</ul>`,
  });
}
