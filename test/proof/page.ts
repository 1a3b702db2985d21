/** docs/proof.md, from what was measured. Pure. */
import type { Measured } from './facts.ts';
import type { Row } from './row.ts';

export interface Proof {
  readonly rows: readonly Row[];
  readonly facts: readonly Measured[];
  readonly missing: readonly string[];
  readonly api: string;
}

export function renderProof({ rows, facts, missing, api }: Proof): string {
  const subjects = [...new Set(rows.map(({ subject }) => subject))];
  return [
    '# Proof',
    '',
    `Written by \`npm run proof\` (test/proof/). Do not edit it.`,
    '',
    `Real caches, a real upstream (Distribution with token authentication), ${api}; the controller and each command are processes of`,
    'their own. What is *true* is not asked of Pullpass: skopeo pushes a new image straight to the upstream after the change, and pulls',
    'it through the cache, as a node would. A row holds if what is said is true:',
    '',
    '- `wait` exits 0: a new image is pulled through the cache, also after the old login was revoked upstream with all its tokens.',
    '- `verified`: a new image is pulled through the cache.',
    '- `refused`: it is not, and the upstream itself serves it to a login that is good.',
    '- `unknown` is right only where nothing could be known, and `wait` then does not exit 0.',
    '',
    `${rows.length} rows; ${rows.filter(({ differ }) => differ.length > 0).length} differ.`,
    ...missing.map((line) => `Skipped: ${line}.`),
    '',
    ...subjects.flatMap((subject) => [
      `## ${subject}`,
      '',
      '| scenario | `wait` | `verify` | metric | true: pulled through the cache | holds |',
      '|---|---|---|---|---|---|',
      ...rows.filter((row) => row.subject === subject).map(line),
      '',
    ]),
    '## What each cache does',
    '',
    'Measured with the same parts. Good: the login works. Refused: login and tokens were revoked. Down: the upstream refuses connections.',
    'In brackets: what the cache asked upstream meanwhile.',
    '',
    ...facts.flatMap(({ subject, facts: measured }) => [
      `### ${subject}`,
      '',
      '| request | good | refused | down |',
      '|---|---|---|---|',
      ...measured.map(({ question, good, refused, down }) => `| ${[question, good, refused, down].join(' | ')} |`),
      '',
    ]),
  ].join('\n');
}

function line({ scenario, said, truth, puller, differ }: Row): string {
  const pulls =
    puller === undefined
      ? ''
      : `; ${puller.after} pulls began after that, ${puller.failed} failed (${puller.failedBefore} of ${puller.before} before)`;
  const after =
    truth.afterRevocation === undefined
      ? ''
      : `; after the old login was revoked: ${truth.afterRevocation ? 'yes' : 'no'}`;
  const cells = [
    scenario,
    `exit ${said.wait.exit}: ${said.wait.text}`,
    `${said.verify.state}, exit ${said.verify.exit}: ${said.verify.why}`,
    said.metric,
    `${truth.cache ? 'yes' : `no${truth.upstream ? '' : ' (upstream serves nobody)'}`}${after}${pulls}`,
    differ.length === 0 ? 'yes' : `**no**: ${differ.join('; ')}`,
  ];
  return `| ${cells.map((cell) => cell.replace(/127\.0\.0\.1:\d+/g, 'HOST').replaceAll('|', '\\|')).join(' | ')} |`;
}
