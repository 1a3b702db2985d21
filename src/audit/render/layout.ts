/** Breaks text into lines and columns for a terminal of a given width. */

/** Breaks at spaces; lines after the first begin with `hang`. A word that is longer than a line gets its own line. */
export function wrap(text: string, width: number, indent = '', hang = indent): string[] {
  const lines: string[] = [];
  let line = indent;
  let empty = true;
  for (const word of text.split(' ')) {
    if (!empty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = hang;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  return [...lines, line];
}

/** Aligns rows in columns, two spaces apart. Cuts the widest columns until a row fits. `paint` gets padded cells. */
export function columns(
  rows: readonly (readonly string[])[],
  width: number,
  paint: (cell: string, row: number, column: number) => string,
): string[] {
  const count = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  for (let total = widths.reduce((sum, w) => sum + w + 2, -2); total > width; total--) {
    const widest = widths.indexOf(Math.max(...widths));
    if ((widths[widest] ?? 0) <= 8) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return rows.map((row, y) =>
    row
      .map((cell, x) => {
        const room = widths[x] ?? 0;
        const shown = cell.length > room ? `${cell.slice(0, room - 1)}…` : cell;
        return paint(x === row.length - 1 ? shown : shown.padEnd(room), y, x);
      })
      .join('  '),
  );
}
