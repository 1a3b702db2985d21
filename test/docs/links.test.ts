/** Every relative link of the documentation leads to a file, and every anchor to a heading of it. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');
const read = (page: string): string => readFileSync(path.join(ROOT, page), 'utf8');
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'SECURITY.md',
  'SUPPORT.md',
  ...globSync('docs/**/*.md', { cwd: ROOT }),
].sort();

/** Targets of `[text](target)` and `[name]: target`, but for code and for what is on the web. */
function links(markdown: string): string[] {
  const prose = markdown.replaceAll(/^```[^]*?^```$/gm, '').replaceAll(/`[^`\n]*`/g, '');
  const found = [...prose.matchAll(/\]\(([^()\s]+)\)/g), ...prose.matchAll(/^\[[^\]]+\]: (\S+)$/gm)].map(
    ([, target = '']) => target,
  );
  return found.filter((target) => !/^[a-z]+:/.test(target));
}

/** As GitHub makes them of headings. */
function anchors(markdown: string): string[] {
  const headings = markdown.replaceAll(/^```[^]*?^```$/gm, '').matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test.each(pages)('%s', (page) => {
  const broken = links(read(page)).filter((target) => {
    const [file = '', anchor] = target.split('#');
    const at = file === '' ? page : path.join(path.dirname(page), file);
    if (!existsSync(path.join(ROOT, at))) return true;
    return anchor !== undefined && at.endsWith('.md') && !anchors(read(at)).includes(anchor);
  });
  expect(broken).toEqual([]);
});

test('every test that a page names is there', () => {
  const named = pages.flatMap((page) =>
    [...read(page).matchAll(/`(test\/[\w./-]+\.ts)`/g)].map(([, file = '']) => file),
  );
  expect(named.filter((file) => !existsSync(path.join(ROOT, file)))).toEqual([]);
  expect(named.length).toBeGreaterThan(30);
});

test('there are links to look at', () => {
  expect(pages.flatMap((page) => links(read(page))).length).toBeGreaterThan(20);
});
