/** The acts, in the order in which they are played. */
import type { Act } from '../act.ts';
import { audit } from './audit.ts';
import { badSource } from './bad-source.ts';
import { caches } from './caches.ts';
import { concurrentWriter } from './concurrent-writer.ts';
import { drift } from './drift.ts';
import { endState } from './end-state.ts';
import { foreignSecret } from './foreign-secret.ts';
import { guard } from './guard.ts';
import { newAccount } from './new-account.ts';
import { optIn } from './opt-in.ts';
import { optOut } from './opt-out.ts';
import { rights } from './rights.ts';
import { rotation } from './rotation.ts';

/** The last one leaves the controller running, for `--keep`. */
export const ACTS: readonly Act[] = [
  optIn,
  caches,
  newAccount,
  concurrentWriter,
  drift,
  rotation,
  badSource,
  guard,
  foreignSecret,
  rights,
  optOut,
  audit,
  endState,
];

export { stop } from './stop.ts';
