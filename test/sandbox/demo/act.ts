/** One scene of the demo: an action of a person, and its expected result. */
import type { Cluster } from './cluster.ts';
import type { Controller } from './controller.ts';
import type { Logins } from './logins.ts';
import type { Narrator } from './narrator.ts';
import type { Pullpass } from './pullpass.ts';
import type { Requests } from './requests.ts';

export interface Act {
  /** What it shows, as a sentence. */
  readonly title: string;
  /** Throws ExpectationError where what it promises does not hold. */
  play(stage: Stage): Promise<void>;
}

/** Everything that an act can use. */
export interface Stage {
  /** The hands of a cluster admin and of the teams. */
  readonly cluster: Cluster;
  /** The real controller, a process of its own with the rights that `pullpass rbac` prints and no others. */
  readonly controller: Controller;
  /** Any other command of the real program. */
  readonly pullpass: Pullpass;
  /** Registry logins made up for this run; known here so that none of them is ever shown. */
  readonly logins: Logins;
  readonly tell: Narrator;
  /** What the controller has asked of the API server so far. */
  readonly requests: () => Promise<Requests>;
  /** How many writes of its own state may be among them: none where the server's record tells them apart. */
  readonly ownWrites: number;
  /** One request with the controller's own token; gives the HTTP status. */
  readonly asController: (method: string, path: string) => Promise<number>;
  /** Files that a person can use meanwhile. A changed configuration is taken over by the controller. */
  readonly files: { readonly config: string; readonly kubeconfig: string };
  /** Takes what has to be taken down again, whatever happens. */
  readonly cleanUp: AsyncDisposableStack;
  /** Ends when the demo is being stopped. */
  readonly signal: AbortSignal;
  /** `--config FILE --kubeconfig FILE` of an admin. */
  readonly connection: readonly string[];
}
