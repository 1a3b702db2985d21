/** `npm run bench`: every benchmark, one after the other. Each prints ratios within one run; absolute times are this machine's. */
import { audit } from './audit.ts';
import { client } from './client.ts';
import { planning } from './planning.ts';
import { start } from './start.ts';

for (const [title, run] of [
  ['Start: what does a command cost before it works?', start],
  ['Planning: does the cost grow with the number of namespaces, and no faster?', planning],
  ['Audit: how long do leases and probes wait while the controller audits?', audit],
  ['Writes: our client and client-node, the same patches on the same server', client],
] satisfies [string, () => Promise<void>][]) {
  console.log(`\n${title}`);
  await run();
}
