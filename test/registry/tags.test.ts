/** The tags of a repository, page by page, from servers that may say anything. */
import { expect, test } from 'vitest';
import { openRepository } from '../../src/registry/repository.ts';
import { listTags } from '../../src/registry/tags.ts';
import type { TagList } from '../../src/registry/tags.ts';
import { client, right, scripted, upstream, wrong } from './checking.ts';
import { leaks } from './leaks.ts';
import type { Say } from './scripted-server.ts';

async function list(base: string, login?: typeof right): Promise<TagList> {
  const opened = openRepository({ base, repository: 'corp/app', http: client(), login });
  if ('why' in opened) throw new Error(opened.why);
  const listed = await listTags(opened);
  expect(leaks(listed, login ?? {})).toEqual([]);
  return listed;
}
const page = (tags: unknown, link?: string): Say => ({
  status: 200,
  headers: { 'content-type': 'application/json', ...(link !== undefined && { link }) },
  body: JSON.stringify({ name: 'corp/app', tags }),
});

test('are listed with a login, and refused without one', async () => {
  const server = await upstream();
  expect(await list(server.url, right)).toEqual({ state: 'listed', tags: ['1'], whole: true });
  expect(await list(server.url)).toMatchObject({ state: 'refused' });
  expect(await list(server.url, wrong)).toMatchObject({ state: 'refused' });
});

test('links lead from page to page; only the query of a link counts, wherever it points', async () => {
  const elsewhere = await scripted(() => page(['evil']));
  const links = [
    '</v2/corp/app/tags/list?n=1000&last=a>; rel="next"',
    `<${elsewhere.url}/v2/other/repository/tags/list?last=b>; rel="next"`,
    '<?last=c>;rel=next',
  ];
  const server = await scripted(({ url }) => {
    const last = new URL(url, 'http://x').searchParams.get('last');
    const at = ['a', 'b', 'c'].indexOf(last ?? '') + 1;
    return page([`tag-${at}`], links[at]);
  });
  expect(await list(server.url)).toEqual({
    state: 'listed',
    tags: ['tag-0', 'tag-1', 'tag-2', 'tag-3'],
    whole: true,
  });
  expect(server.seen.map(({ url }) => url)).toEqual([
    '/v2/corp/app/tags/list?n=1000',
    '/v2/corp/app/tags/list?n=1000&last=a',
    '/v2/corp/app/tags/list?last=b',
    '/v2/corp/app/tags/list?last=c',
  ]);
  expect(elsewhere.seen).toEqual([]);
});

test('a list without end is cut, and says so', async () => {
  let n = 0;
  const server = await scripted(() => page([`t${n}`], `</v2/x?last=${n++}>; rel="next"`));
  expect(await list(server.url)).toMatchObject({ state: 'listed', whole: false });
  expect(server.seen).toHaveLength(20);
});

test.each<[string, Say, object]>([
  ['no tags at all', page(null), { state: 'listed', tags: [], whole: true }],
  ['an empty list', page([]), { state: 'listed', tags: [], whole: true }],
  [
    'names that are no tags',
    page(['ok', '../up', 'a b', '', 7, null, 'x'.repeat(129), 'sha256:abc', 'line\nbreak', '-x']),
    { state: 'listed', tags: ['ok'], whole: true },
  ],
  ['a link to nothing', page(['a'], '<>; rel="next"'), { state: 'listed', tags: ['a'], whole: true }],
  ['a link to the page before', page(['a'], '</v2/x?last=a>; rel="prev"'), { state: 'listed', whole: true }],
  ['tags that are no list', page('all'), { state: 'unknown', status: 200 }],
  ['no object', { status: 200, body: '[]' }, { state: 'unknown', status: 200 }],
  ['a page', { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' }, { state: 'unknown' }],
  [
    'a repository that is not there',
    { status: 404, body: '{"errors":[{"code":"NAME_UNKNOWN"}]}' },
    { state: 'missing' },
  ],
  [
    'a page that is not there',
    { status: 404, headers: { 'content-type': 'text/html' } },
    { state: 'unknown', status: 404 },
  ],
  ['no right', { status: 403 }, { state: 'refused', status: 403 }],
  ['an outage', { status: 503 }, { state: 'unknown', status: 503 }],
  ['too many requests', { status: 429 }, { state: 'unknown', status: 429 }],
  ['more than anybody needs', { status: 200, body: 'x'.repeat(4 * 1024 * 1024 + 1) }, { state: 'unknown' }],
])('%s', async (_, say, expected) => {
  const server = await scripted(() => say);
  const listed = await list(server.url);
  expect(listed).toMatchObject(expected);
  if ('why' in listed) expect(listed.why).not.toMatch(/[\n\r]/);
});
