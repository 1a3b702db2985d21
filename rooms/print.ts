/** `npm run rooms`: prints the rooms of `src` and what each imports. Exit status 1 for import circles or a breach of `picture.ts`. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { roomOf, ROOMS } from './picture.ts';

const SRC = resolve(process.argv[2] ?? join(import.meta.dirname, '../src'));

/** File -> the files that it imports; paths are relative to `src`. */
const files = new Map(
  readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .sort()
    .map((path) => {
      const { importedFiles } = ts.preProcessFile(readFileSync(join(SRC, path), 'utf8'), true, true);
      const targets = importedFiles
        .map(({ fileName }) => fileName)
        .filter((name) => name.startsWith('.') && name.endsWith('.ts'));
      return [path, targets.map((name) => relative(SRC, resolve(dirname(join(SRC, path)), name)))];
    }),
);

/** Room -> imported room -> number of imports. */
const rooms = new Map(Object.keys(ROOMS).map((room) => [room, new Map<string, number>()]));
for (const [path, targets] of files) {
  const from = roomOf(path);
  if (!rooms.has(from)) rooms.set(from, new Map());
  for (const to of targets.map(roomOf)) {
    if (to !== from) rooms.get(from)?.set(to, (rooms.get(from)?.get(to) ?? 0) + 1);
  }
}

/** Import circles (strongly connected components), by Tarjan's algorithm. */
function circlesOf(graph: ReadonlyMap<string, Iterable<string>>): string[][] {
  interface Node {
    readonly index: number;
    low: number;
    open: boolean;
  }
  const seen = new Map<string, Node>();
  const stack: Node[] = [];
  const names: string[] = [];
  const circles: string[][] = [];
  const visit = (name: string): Node => {
    const node = { index: seen.size, low: seen.size, open: true };
    seen.set(name, node);
    stack.push(node);
    names.push(name);
    for (const next of graph.get(name) ?? []) {
      const known = seen.get(next) ?? visit(next);
      if (known.open) node.low = Math.min(node.low, known.low);
    }
    if (node.low === node.index) {
      const from = stack.indexOf(node);
      for (const each of stack.splice(from)) each.open = false;
      const circle = names.splice(from);
      if (circle.length > 1) circles.push(circle.sort());
    }
    return node;
  };
  for (const name of graph.keys()) if (!seen.has(name)) visit(name);
  return circles;
}

const order = Object.keys(ROOMS);
const faults = [
  ...circlesOf(files).map((circle) => `a circle of files: ${circle.join(', ')}`),
  ...circlesOf(new Map([...rooms].map(([room, targets]) => [room, targets.keys()]))).map(
    (circle) => `a circle of rooms: ${circle.join(', ')}`,
  ),
  ...[...rooms].flatMap(([room, targets]) => {
    const picture = ROOMS[room];
    if (picture === undefined) return [`src/${room} is in no room of rooms/picture.ts`];
    return [
      ...[...targets.keys()]
        .filter((to) => to !== 'ground' && !picture.may.includes(to))
        .map((to) => `${room} must not import ${to}`),
      ...picture.may
        .filter((to) => !targets.has(to))
        .map((to) => `${room} may import ${to}, and does not: take it out of rooms/picture.ts`),
      ...picture.may
        .filter((to) => order.indexOf(to) <= order.indexOf(room))
        .map((to) => `${room} may import ${to}, which is not below it`),
    ];
  }),
];

const lines = [...rooms].map(([room, targets]) => {
  const count = [...files.keys()].filter((path) => roomOf(path) === room).length;
  const below = [...targets].filter(([to]) => to !== 'ground').sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
  const arrows = below.map(([to, n]) => `${to} (${n})`).join(', ');
  return `${room.padEnd(14)} ${String(count).padStart(3)} files  ${arrows}\n`;
});
process.stdout.write(lines.join(''));
for (const fault of faults) process.stderr.write(`rooms: ${fault}\n`);
if (faults.length > 0) process.exitCode = 1;
