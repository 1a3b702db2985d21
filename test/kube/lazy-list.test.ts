/** Lists whose objects are parsed one at a time: the same as JSON.parse would give, however the bytes come. */
import { expect, test } from 'vitest';
import { TooLargeError } from '../../src/kube/api-error.ts';
import { LazyItems, PageBuffers } from '../../src/kube/lazy-list.ts';

function read(text: string, { size = 7, buffers = new PageBuffers(), limit = 2 ** 20 } = {}): unknown {
  const bytes = Buffer.from(text);
  const page = buffers.page(limit);
  for (let i = 0; i < bytes.length; i += size) page.take(bytes.subarray(i, i + size));
  return page.parse();
}

/** As a caller sees it that reads all. */
function whole(text: string, size: number): unknown {
  const list = read(text, { size });
  const { items } = (list ?? {}) as { items?: unknown };
  return items instanceof LazyItems ? { ...(list as object), items: [...items] } : list;
}

const object = (name: string, more: object = {}): object => ({ metadata: { name, labels: { a: '"[{\\' } }, ...more });
const lists: Readonly<Record<string, unknown>> = {
  'objects with brackets, quotes and backslashes in strings': {
    kind: 'List',
    metadata: { resourceVersion: '7', continue: 'items' },
    items: [object('a', { text: '}],"items":[{' }), object('b\\'), object('"'), { items: [{ items: [] }] }],
  },
  'characters of several bytes': { items: [object('ä€😀'), object('𐍈')], metadata: { ü: 'ß' } },
  'no objects': { items: [], metadata: {} },
  'items that are null': { items: null, metadata: {} },
  'no items': { metadata: { items: [object('a')] } },
  'items in an object of another name': { spec: { items: [object('a')] }, items: [object('b')] },
  'other values among the objects': { items: [0, object('a'), 'x', null, [object('b')]] },
  'lists as objects': { items: [[], [1, 2]] },
  'a list of lists': ['items', [object('a')]],
  'a text': 'items',
  nothing: null,
};

test.each(Object.keys(lists))('%s', (name) => {
  for (const indent of [0, 2]) {
    const text = JSON.stringify(lists[name], undefined, indent);
    for (const size of [1, 2, 3, 5, 64, 10_000]) expect(whole(text, size)).toEqual(lists[name]);
  }
});

test('of several items the last one counts, as for JSON.parse', () => {
  for (const text of [
    '{"items":[{"a":1}],"items":[{"b":2},{"c":3}]}',
    '{"items":[{"a":1}],"items":7}',
    '{"items":[{"a":1}],"items":[0]}',
  ])
    expect(whole(text, 4)).toEqual(JSON.parse(text));
});

test.each([
  '',
  '{',
  '{"items":[',
  '{"items":[{"a":1}',
  '{"items":[{"a":1}{"b":2}]}',
  '{"items":[{"a":1},]}',
  '{"items":[{"a":1}]}}',
  '{"items":[{"a":"}]}',
  '{"items":[{"a":1}],"metadata":{]}}',
])('what is no JSON is an error: %s', (text) => {
  expect(() => whole(text, 3)).toThrow(SyntaxError);
});

test('an object that is no JSON is an error when its turn comes', () => {
  const { items } = read('{"items":[{"a":1},{"b":}]}') as { items: LazyItems };
  expect(items).toHaveLength(2);
  const each = items[Symbol.iterator]();
  expect(each.next().value).toEqual({ a: 1 });
  expect(() => each.next()).toThrow(SyntaxError);
});

test('the memory of a page is used for the next one only when its objects are disposed of', () => {
  const buffers = new PageBuffers();
  const page = (name: string): LazyItems =>
    (read(JSON.stringify({ items: [object(name)] }), { buffers }) as { items: LazyItems }).items;
  const first = page('first');
  const second = page('second');
  expect([...first, ...second]).toEqual([object('first'), object('second')]);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  const [third, fourth] = [page('third'), page('fourth')];
  expect([...second, ...third, ...fourth]).toEqual([object('second'), object('third'), object('fourth')]);
  expect(() => [...first]).toThrow('in use for others');
});

test('a page may be as large as the limit, and no larger', () => {
  const text = JSON.stringify({ items: [object('x'.repeat(600_000))] });
  expect(whole(text, 16_384)).toEqual(JSON.parse(text));
  expect(read(text, { size: 16_384, limit: text.length })).toBeDefined();
  expect(() => read(text, { size: 16_384, limit: text.length - 1 })).toThrow(TooLargeError);
});
