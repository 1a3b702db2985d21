/** Output formats: a table without borders for people, as kubectl prints it; JSON or YAML for programs. */
import Table from 'cli-table3';
import { stringify } from 'yaml';
import type { OUTPUTS } from './choices.ts';

export type Output = (typeof OUTPUTS)[number];

/** Ends with a line break. `text`: makes the table with the lines around it. */
export function render(output: Output, data: unknown, text: () => string): string {
  switch (output) {
    case 'json':
      return `${JSON.stringify(data, undefined, 2)}\n`;
    case 'yaml':
      return stringify(data);
    case 'table':
      return text();
  }
}

const BORDERS = ['top', 'bottom', 'left', 'mid', 'right'].flatMap((side) => [side, `${side}-mid`]);
const CORNERS = ['top-left', 'top-right', 'bottom-left', 'bottom-right'];
const NO_BORDERS = Object.fromEntries([...BORDERS, ...CORNERS].map((name) => [name, '']));

/** Cells may have several lines. The result does not end with a line break. */
export function table(head: string[], rows: readonly string[][]): string {
  const grid = new Table({
    head,
    chars: { ...NO_BORDERS, middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  grid.push(...rows);
  return grid.toString().replace(/ +$/gm, '');
}
