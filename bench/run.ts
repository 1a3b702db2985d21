/**
 * `npm run bench`: every benchmark, one after the other. Each prints ratios within one run; absolute times are this machine's. With
 * arguments only the one on a cluster: `npm run bench -- --against sandbox|envtest|KUBECONFIG --namespaces 1000,5000 --rounds 5 --json`.
 */
import { audit } from './audit.ts';
import { client } from './client.ts';
import { planning } from './planning.ts';
import { start } from './start.ts';

const onlyCluster = process.argv.length > 2;
for (const [title, run] of [
  ['Start: what does a command cost before it works?', start],
  ['Planning: does the cost grow with the number of namespaces, and no faster?', planning],
  ['Audit: how long do leases and probes wait while the controller audits?', audit],
  ['Writes: our client and client-node, the same patches on the same server', client],
] satisfies [string, () => Promise<void>][]) {
  if (onlyCluster) break;
  console.log(`\n${title}`);
  await run();
}

if (!onlyCluster) console.log('\nA cluster of 1,000 namespaces: the controller, and a loop that only writes, in turn');
await import('./cluster.ts');
