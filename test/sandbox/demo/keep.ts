/** `--keep`: the cluster and the controller keep running, so that a person can try them. */
import path from 'node:path';
import { REGISTRY } from './logins.ts';
import type { Narrator } from './narrator.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');

export function inviteToPlay(tell: Narrator, files: { config: string; kubeconfig: string }, url: string): void {
  tell.title('Everything stays up. In another terminal:');
  tell.quote(
    `
cd ${shell(ROOT)}
export KUBECONFIG=${shell(files.kubeconfig)} PULLPASS_CONFIG=${shell(files.config)}

kubectl get secrets --all-namespaces --selector pullpass.dev/source
kubectl annotate namespace team-01 pullpass.dev/sync=enabled
kubectl --namespace team-01 get serviceaccount default --output yaml
npm run --silent pullpass -- match ${REGISTRY}/team/app:1.0 --namespace team-01
npm run --silent pullpass -- plan
npm run --silent pullpass -- audit
`.trim(),
  );
  tell.note(`The report of the controller as a page: ${url}/report; its metrics: ${url}/metrics.`);
  tell.note("The controller's token is good for an hour.");
  tell.end('Ctrl-C stops everything and removes every trace.');
}

/** A word for the shell. */
function shell(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
