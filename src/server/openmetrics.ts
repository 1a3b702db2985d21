/** OpenMetrics 1.0: who asks for it, and how the text format becomes it. Pure. */

/** Whether an `Accept` header asks for OpenMetrics 1.0, at least as much as for the text format. */
export function prefersOpenMetrics(accept = ''): boolean {
  const best = { openMetrics: 0, text: 0 };
  for (const range of accept.toLowerCase().split(',')) {
    const [type = '', ...rest] = range.split(';').map((part) => part.trim());
    const parameters = new Map(
      rest.map((part): [string, string] => {
        const [name = '', value = ''] = part.split('=', 2);
        return [name.trim(), value.trim().replaceAll('"', '')];
      }),
    );
    const weight = Number(parameters.get('q') ?? 1) || 0;
    const version = parameters.get('version');
    if (type === 'application/openmetrics-text' && (version === undefined || version === '1.0.0'))
      best.openMetrics = Math.max(best.openMetrics, weight);
    if (type === 'text/plain' && (version === undefined || version === '0.0.4'))
      best.text = Math.max(best.text, weight);
  }
  return best.openMetrics > 0 && best.openMetrics >= best.text;
}

/** What prom-client writes as text 0.0.4, as OpenMetrics 1.0 has it: other names of counters, units, escapes and numbers. */
export function toOpenMetrics(text: string): string {
  const lines = text.split('\n').filter((line) => line !== '');
  const counters = new Set(lines.flatMap((line) => /^# TYPE (\S+) counter$/.exec(line)?.[1] ?? []));
  const written = lines.map((line) => {
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) ([^]*)$/.exec(line) ?? [];
    // Numbers of buckets are compared as labels, as text: here they have a point, all of them.
    if (keyword === undefined) return line.replace(/^(\w+_bucket\{le="\d+)"/, '$1.0"');
    const family = counters.has(name) ? name.replace(/_total$/, '') : name;
    if (keyword === 'HELP') return `# HELP ${family} ${rest.replaceAll('"', '\\"')}`;
    const unit = /_(seconds|bytes)$/.exec(family)?.[1];
    return `# TYPE ${family} ${rest}${unit === undefined ? '' : `\n# UNIT ${family} ${unit}`}`;
  });
  return `${written.join('\n')}\n# EOF\n`;
}
