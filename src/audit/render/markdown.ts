/** `-o markdown`: for CI comments and tickets. All text from the cluster is escaped, because tenants wrote some of it. */
import { inFrontOf } from '../facts/coverage.ts';
import { oneLine } from '../../text.ts';
import type { Report } from '../report/report.ts';
import { grouped, HEADINGS } from '../report/groups.ts';
import { resultOf } from '../report/result.ts';

/** Limits, because a comment on common forges has at most 65,536 characters. */
const MAX_FINDINGS_OF_A_RULE = 25;
const MAX_REGISTRIES = 30;

/** Ends with a line break. */
export function renderMarkdown(report: Report): string {
  const { level, headline, facts } = resultOf(report);
  const mark = { ok: '✅', warning: '⚠️', error: '❌' }[level];
  const lines = [
    '# Pullpass audit',
    '',
    `${mark} **${escape(headline)}**`,
    '',
    ...facts.map((fact) => `- ${escape(fact)}`),
    `- cluster ${escape(report.cluster.server)}, ${escape(report.generatedAt)}`,
  ];
  for (const { severity, count, groups } of grouped(report)) {
    lines.push('', `## ${HEADINGS[severity]} (${count})`);
    for (const { rule, findings } of groups) {
      const shown = findings.slice(0, MAX_FINDINGS_OF_A_RULE);
      lines.push('', `### ${rule.id} ${escape(rule.title)}`, '', '| What is wrong | What to do |', '| --- | --- |');
      for (const { message, remedy } of shown) lines.push(`| ${escape(message)} | ${escape(remedy)} |`);
      if (findings.length > shown.length) lines.push('', `and ${findings.length - shown.length} more`);
    }
  }
  if (report.registries.length > 0) {
    lines.push(
      '',
      '## Registries',
      '',
      '| Registry | Pods | Images | With credential | Cache proxy | Failing |',
      '| --- | ---: | ---: | ---: | --- | ---: |',
    );
    for (const row of report.registries.slice(0, MAX_REGISTRIES)) {
      const { registry, pods, images, covered, failing } = row;
      lines.push(
        `| ${escape(registry)} | ${pods} | ${images} | ${covered} | ${escape(inFrontOf(row).join(', '))} | ${failing} |`,
      );
    }
    if (report.registries.length > MAX_REGISTRIES)
      lines.push('', `and ${report.registries.length - MAX_REGISTRIES} more`);
  }
  if (report.couldNotSee.length > 0)
    lines.push('', '## Not seen', '', ...report.couldNotSee.map((line) => `- ${escape(line)}`));
  return `${lines.join('\n')}\n`;
}

/** Escapes text so that it makes no markup, HTML, table cell, mention or link. */
export function escape(text: string): string {
  return (
    oneLine(text)
      .replace(/[&<>]/g, (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[character] ?? '')
      .replace(/[\\`*_{}[\]()#+!|~-]/g, '\\$&')
      // Forges link URLs, @names and #numbers even if they are escaped: an HTML comment splits them.
      .replace(/@|:(?=\/\/)|www(?=\.)|\\#/gi, '$&<!-- -->')
  );
}
