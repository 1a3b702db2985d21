/** Registries in use: how many pods have a credential for each, which one, behind which cache proxy, and which owners lack one. */
import { inFrontOf } from '../facts/coverage.ts';
import type { RegistryCoverage } from '../facts/coverage.ts';
import type { Report } from '../report/report.ts';
import { agree, plural } from '../../text.ts';
import { html, verbatim } from './markup.ts';
import type { Markup } from './markup.ts';
import { badge, empty, section, slot } from './elements.ts';

/** A limit is needed: registries come from image names, and tenants can invent any number of them. */
const MAX_REGISTRIES = 200;
const MAX_CREDENTIALS = 5;

const ACCESS = { public: 'public', node: 'nodes log in by themselves', unknown: '' } as const;

export function registries({ registries: rows, summary, couldNotSee }: Report): Markup {
  const title = { id: 'registries', title: 'Registries' };
  if (rows.length === 0) {
    const link = html`<a href="#not-seen">what could not be seen</a>`;
    return section({
      ...title,
      body: empty(
        summary.pods > 0
          ? html`No image of a pod names a registry.`
          : couldNotSee.length > 0
            ? html`No pods were seen, so it is unknown which registries are used: see ${link}.`
            : html`No pods were seen, so no registry is in use.`,
      ),
    });
  }
  // Registries with failing pulls first, then those with the most pods.
  const sorted = [...rows].sort((a, b) => b.failing - a.failing || b.pods - a.pods);
  const more = rows.length - MAX_REGISTRIES;
  return section({
    ...title,
    count: rows.length,
    lead: html`How many pods have a credential for all of their images there, as a kubelet would pick it.`,
    body: html`<ul class="cards" role="list">
${sorted.slice(0, MAX_REGISTRIES).map(registry)}</ul>
${more > 0 ? html`<p class="rest">and ${more} more, which <code>pullpass audit -o json</code> prints</p>` : html``}`,
  });
}

function registry(row: RegistryCoverage): Markup {
  const {
    registry: name,
    access,
    pods,
    images,
    covered,
    uncovered,
    unknown,
    failing,
    credentials,
    uncoveredOwners,
  } = row;
  const proxies = inFrontOf(row);
  const unable = failing > 0 ? html` ${badge('error', `${failing.toLocaleString('en-US')} cannot pull`)}` : html``;
  const legend = (
    [
      ['covered', covered, 'with a credential'],
      ['uncovered', uncovered, 'without'],
      ['unknown', unknown, 'unknown'],
    ] as const
  )
    .filter(([, n]) => n !== 0)
    .map(([part, n, words]) => {
      const field = html`<rect class="part" data-part="${part}" width="12" height="12"/>`;
      return html`<li><svg width="12" height="12" aria-hidden="true">${field}</svg> ${n} ${words}</li>`;
    });
  return html`<li class="card registry">
<h3>${name} ${slot('access', ACCESS[access], 'tag')}</h3>
<p class="facts">${counted(pods, 'pod')}, ${counted(images, 'image')}${unable}</p>
${bar(pods, [
  ['covered', covered],
  ['uncovered', uncovered],
  ['unknown', unknown],
])}
<ul class="legend" role="list">${legend}</ul>
<dl>
<div><dt>Credential</dt><dd>${credentials.length === 0 ? html`${unknown > 0 ? 'not known' : 'none'}` : listOf(credentials)}</dd></div>
<div><dt>Cache proxy</dt><dd>${proxies.length === 0 ? html`none` : html`${proxies.join(', ')}`}</dd></div>
</dl>
${uncoveredOwners.length === 0 ? html`` : lacking(name, uncovered, uncoveredOwners)}
</li>
`;
}

function listOf(credentials: RegistryCoverage['credentials']): Markup {
  const items = credentials
    .slice(0, MAX_CREDENTIALS)
    .map(
      ({ key, secret, pods }) =>
        html`<li><span class="code">${key}</span> in Secret <span class="code">${secret}</span>, ${counted(pods, 'pod')}</li>`,
    );
  const more = credentials.length - MAX_CREDENTIALS;
  return html`<ul role="list">${items}</ul>${more > 0 ? html`and ${more} more` : html``}`;
}

function lacking(registry: string, uncovered: number, owners: RegistryCoverage['uncoveredOwners']): Markup {
  const items = owners.map(
    ({ namespace, kind, name, pods }) =>
      html`<li><span class="code">${namespace}</span> ${kind} ${name}, ${counted(pods, 'pod')}</li>`,
  );
  const summary = html`Without a credential<span class="unseen"> for ${registry}</span>: ${plural(uncovered, 'pod')}`;
  return html`<details><summary>${summary}</summary><ul>${items}</ul>${restOf(uncovered, owners)}</details>`;
}

function restOf(uncovered: number, owners: RegistryCoverage['uncoveredOwners']): Markup {
  const rest = uncovered - owners.reduce((sum, { pods }) => sum + pods, 0);
  return rest > 0 ? html`<p>and ${counted(rest, 'pod')} of others</p>` : html``;
}

/** Hidden from screen readers, because the legend below has the numbers. */
function bar(total: number, parts: readonly (readonly [part: string, n: number])[]): Markup {
  let from = 0;
  return html`<svg class="bar" width="100%" height="10" aria-hidden="true">${parts.map(([part, n]) => {
    const x = percent(from, total);
    from += n;
    return n === 0
      ? html``
      : html`<rect class="part" data-part="${part}" x="${x}" width="${percent(n, total)}" height="10"/>`;
  })}</svg>`;
}

const percent = (n: number, total: number): Markup =>
  verbatim(`${total === 0 ? 0 : Number(((100 * n) / total).toFixed(2))}%`);

const counted = (n: number, noun: string): Markup => html`${n} ${agree(n, noun, `${noun}s`)}`;
