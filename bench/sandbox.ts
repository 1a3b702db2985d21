/** The sandbox as a process: prints its kubeconfig as one line of JSON, and ends with its stdin. */
import { startSandbox } from '../test/sandbox/kube-api/index.ts';

await using sandbox = await startSandbox();
process.stdout.write(`${JSON.stringify(sandbox.adminKubeconfig())}\n`);
for await (const _ of process.stdin) void _;
