/** `--keep`: the cluster and the controller keep running, so that a person can try them. */
import path from 'node:path';
import { REGISTRY } from './logins.ts';
import type { Narrator } from './narrator.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');

/** `all`: the full walk was played, with its namespaces. */
export function inviteToPlay(
  tell: Narrator,
  files: { config: string; kubeconfig: string },
  url: string,
  all: boolean,
): void {
  const [team, image] = all ? ['team-01', `${REGISTRY}/team/app:1.0`] : ['team-copier', 'docker.io/corp/app:1.0'];
  tell.title('Everything stays up. In another terminal:');
  tell.quote(
    `
cd ${shell(path.dirname(files.config))}
export KUBECONFIG=${shell(files.kubeconfig)} PULLPASS_CONFIG=${shell(files.config)}
pullpass() { ${shell(process.execPath)} ${shell(path.join(ROOT, 'src/main.ts'))} "$@"; }

kubectl get secrets --all-namespaces --selector pullpass.dev/source
kubectl annotate namespace ${team} pullpass.dev/sync=enabled
kubectl --namespace ${team} get serviceaccount default --output yaml
pullpass match ${image} --namespace ${team}
pullpass plan
pullpass audit
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
