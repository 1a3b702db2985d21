/** The tags of a repository, as a registry or cache proxy lists them. */
import { describe, isHtml, isRefusal, parseObject } from './answer.ts';
import { isDenial } from './repository.ts';
import type { Denial, Repository } from './repository.ts';

/** `missing`: there is no such repository, or it is not shown. `whole`: false if there are more tags than were read. */
export type TagList =
  | { readonly state: 'listed'; readonly tags: readonly string[]; readonly whole: boolean }
  | { readonly state: 'missing'; readonly why: string }
  | Denial;

const MAX_PAGES = 20;
const MAX_BYTES = 4 * 1024 * 1024;
const TAG = /^\w[\w.-]{0,127}$/;

/** Follows the links from page to page. Rejects only with the reason of an aborted signal. */
export async function listTags(repository: Repository): Promise<TagList> {
  const tags: string[] = [];
  let path: string | undefined = 'tags/list?n=1000';
  for (let page = 0; page < MAX_PAGES && path !== undefined; page++) {
    const answer = await repository.send({
      method: 'GET',
      path,
      headers: { accept: 'application/json', 'cache-control': 'no-cache' },
      maxBytes: MAX_BYTES,
    });
    const label = `${repository.host}/${repository.name}: the list of its tags`;
    if (isDenial(answer)) return answer.status === undefined ? answer : { ...answer, why: `${label}: ${answer.why}` };
    const { status, headers, body } = answer;
    const why = `${label}: ${describe(answer)}`;
    if (isRefusal(answer)) return { state: 'refused', status, why };
    if (status === 404 && !isHtml(answer)) return { state: 'missing', why };
    const listed: unknown = parseObject(body)?.['tags'];
    // `null`: a repository whose tags were all deleted.
    if (status !== 200 || (!Array.isArray(listed) && listed !== null)) return { state: 'unknown', status, why };
    for (const tag of listed ?? []) if (typeof tag === 'string' && TAG.test(tag)) tags.push(tag);
    path = nextPage(headers['link']);
  }
  return { state: 'listed', tags, whole: path === undefined };
}

/** Only the query of the link counts: the next page is of the same repository. */
function nextPage(link: string | undefined): string | undefined {
  const [, target] = /<([^>]{1,2048})>\s*;\s*rel="?next"?/i.exec(link ?? '') ?? [];
  const query = target === undefined ? '' : (URL.parse(target, 'http://registry')?.search ?? '');
  return query === '' ? undefined : `tags/list${query}`;
}
