/**
 * `npm run proof`: on the real products, is what Pullpass says what is true? Writes docs/proof.md.
 * Exit status: 0 if every row holds, 1 if one differs or a product was skipped (unless `--allow-skips`), 64 for a wrong option.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { findRealApi, startRealApi } from '../integration/env/real-api.ts';
import { startSandbox } from '../sandbox/kube-api/index.ts';
import { measureProduct } from './facts.ts';
import type { Measured } from './facts.ts';
import { renderProof } from './page.ts';
import { findPrograms } from './programs.ts';
import { playRow } from './row.ts';
import type { Row } from './row.ts';
import { SCENARIOS } from './scenarios.ts';
import type { Programs } from './world.ts';

const { values } = parseArgs({
  options: {
    product: { type: 'string' },
    scenario: { type: 'string' },
    real: { type: 'boolean', default: false },
    'allow-skips': { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    'at-once': { type: 'string', default: '2' },
    'no-facts': { type: 'boolean', default: false },
  },
});
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const found = findPrograms(process.env);
for (const line of found.missing) say(`skipped: ${line}`);
const api = findRealApi();
const isReal = values.real && 'found' in api;
if (values.real && 'missing' in api) say(`on the sandbox's API server: ${api.missing}`);
const programs: Programs = {
  ...found.programs,
  startApi: () => (isReal ? startRealApi(api.found) : startSandbox()),
};

const subjects = found.subjects.filter(({ title }) => values.product === undefined || title.includes(values.product));
const scenarios = SCENARIOS.filter(({ name }) => values.scenario === undefined || name.includes(values.scenario));
const rows: Row[] = [];
const facts: Measured[] = [];
const queue = subjects.flatMap((subject) =>
  scenarios
    .filter(({ isAboutNode = false }) => subject.kind !== 'harbor' || !isAboutNode)
    .map((scenario) => ({ subject, scenario })),
);
const planned = [...queue];

/** Rows are worlds of their own, and mostly wait. */
async function work(): Promise<void> {
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const row = await playRow(next.subject, next.scenario, programs, stop.signal);
    rows.push(row);
    say(`${row.differ.length === 0 ? 'holds  ' : 'DIFFERS'} ${row.subject}: ${row.scenario} (${row.seconds} s)`);
    for (const line of row.differ) say(`        ${line}`);
    if (row.differ.length > 0 || values.verbose)
      say(`        ${JSON.stringify({ said: row.said, truth: row.truth, puller: row.puller })}`);
  }
}
if (!values['no-facts']) for (const subject of subjects) facts.push(await measureProduct(subject, programs));
await Promise.all(Array.from({ length: Math.max(1, Number(values['at-once'])) }, work));
const order = (row: Row): number =>
  planned.findIndex(({ subject, scenario }) => subject.title === row.subject && scenario.name === row.scenario);
rows.sort((a, b) => order(a) - order(b));

// A part of the proof is not the proof.
const isWhole = values.product === undefined && values.scenario === undefined && !values['no-facts'];
if (isWhole) {
  const page = path.resolve(import.meta.dirname, '../../docs/proof.md');
  await writeFile(
    page,
    renderProof({
      rows,
      facts,
      missing: found.missing,
      api: isReal ? 'a real kube-apiserver' : "the sandbox's API server",
    }),
  );
}
const differing = rows.filter(({ differ }) => differ.length > 0).length;
say(`${rows.length} rows, ${differing} differ${found.missing.length === 0 ? '' : `; ${found.missing.length} skipped`}`);
process.exitCode = differing > 0 || (found.isShort && !values['allow-skips']) ? 1 : 0;
