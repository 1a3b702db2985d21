/** Keeps ConfigMap `pullpass-status`: the leader looks when something may have changed, and writes when something did. */
import { createTurns } from '../async/fair.ts';
import { inTurns } from '../async/steps.ts';
import { sleep } from '../async/sleep.ts';
import { monotonic, wall } from '../clock.ts';
import { confirmationOf } from '../config/confirmation.ts';
import type { Configuration } from '../config/schema.ts';
import { messageOf, UserError } from '../errors.ts';
import { ApiError, UnreachableError } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import type { EventRecorder } from '../kube/events.ts';
import type { State } from '../observe/state.ts';
import { keyOf } from '../observe/feed-ids.ts';
import type { World } from '../observe/world.ts';
import { clusterSteps } from '../plan/cluster.ts';
import { elsewhereUnseen } from '../rotation/elsewhere.ts';
import { observeRotations } from '../rotation/progress.ts';
import { statusData, statusOf, unknownStatus } from '../rotation/status.ts';
import type { SourceStatus, StatusData } from '../rotation/status.ts';
import { snapshotOf } from '../sources/snapshot.ts';
import type { StatusObject } from './status-object.ts';
import type { Watches } from './watches.ts';

export interface RotationStatus {
  /** Something may have changed. */
  touch(): void;
  /** A new content of a source is being spread. */
  begun(source: string): void;
  /** Looks and writes until the term is over. */
  run(term: AbortSignal): Promise<void>;
}

interface RotationStatusOptions {
  client: KubeClient;
  world: World;
  state: State;
  watches: Pick<Watches, 'isRead' | 'problems'>;
  configuration: () => Configuration;
  object: StatusObject;
  events: Pick<EventRecorder, 'record'>;
  /** Name of this replica. */
  identity: string;
  /** Whether much is under way: what is looked at now is over in a moment. */
  isBusy: () => boolean;
  /** Shortest time between two looks, in milliseconds. */
  everyMs?: number | undefined;
}

const EVERY_MS = 5_000;
/** A look at thousands of namespaces may take no more of the time than one part in this. */
const REST = 20;
/** While much is under way, looks are this many times as far from each other. */
const BUSY = 6;
/** Written again without news after this long, so that a reader can tell a status that holds from one that nobody keeps. */
const REFRESH_MS = 5 * 60_000;
/** A status that is older than this says nothing. */
const HOLDS_MS = 15 * 60_000;
/** After a write that failed. */
const AGAIN_MS = 30_000;

export function createRotationStatus({
  client,
  world,
  state,
  watches,
  configuration,
  object,
  events,
  identity,
  isBusy,
  everyMs = EVERY_MS,
}: RotationStatusOptions): RotationStatus {
  let touched = true;
  /** Sources of which a new content is being spread. */
  const rotating = new Set<string>();

  /** The content of sources that a look is about: it counts only if this is the same before and after. */
  const versions = (): string =>
    JSON.stringify([...world.secrets].map(([ref, store]) => [ref, ...[...store.all()].map((s) => s.resourceVersion)]));

  /** undefined: something changed meanwhile. */
  async function look(): Promise<SourceStatus[] | undefined> {
    const config = configuration();
    const before = versions();
    const unknown = (why: string): SourceStatus[] => config.sources.map(({ name }) => unknownStatus(name, why));
    const [problem] = watches.problems();
    if (problem !== undefined) return unknown(`the controller is not in step with the API server: ${problem}`);
    const secretVersions = new Map(
      config.sources.map(({ name, secret }) => [
        name,
        world.secrets.get(keyOf(secret))?.get(secret.namespace, secret.name)?.resourceVersion,
      ]),
    );
    try {
      const turn = createTurns();
      const snapshot = await snapshotOf({
        client,
        world,
        configuration: config,
        state,
        remembered: true,
        isRead: watches.isRead,
        turn,
      });
      const { plans } = await inTurns(clusterSteps(snapshot.scopes, confirmationOf(config)), turn);
      const rotations = await observeRotations({ client, configuration: config, snapshot, plans });
      if (configuration() !== config || versions() !== before) return undefined;
      return rotations.map((rotation) =>
        statusOf(rotation, {
          elsewhere: elsewhereUnseen(rotation.source, config),
          secretVersion: secretVersions.get(rotation.source),
          paused: config.paused,
        }),
      );
    } catch (error) {
      if (error instanceof UserError || error instanceof ApiError || error instanceof UnreachableError)
        return unknown(`it could not be looked at: ${messageOf(error)}`);
      throw error;
    }
  }

  function tell(all: readonly SourceStatus[]): void {
    for (const { source, state: now, copies = '', cacheProxies } of all) {
      if (now !== 'complete' || !rotating.delete(source)) continue;
      const secret = configuration().sources.find(({ name }) => name === source)?.secret;
      if (secret === undefined) continue;
      const proxies = cacheProxies === undefined ? '' : `, ${cacheProxies} cache proxies`;
      events.record({
        regarding: { apiVersion: 'v1', kind: 'Secret', namespace: secret.namespace, name: secret.name },
        type: 'Normal',
        reason: 'RotationComplete',
        action: 'Rotate',
        note: `Rotation complete: the old credential can be revoked, everywhere Pullpass manages (${copies} copies${proxies})`,
      });
    }
  }

  return {
    touch: () => void (touched = true),
    begun: (source) => void rotating.add(source),
    async run(term) {
      rotating.clear();
      touched = true;
      let last: StatusData = await object.read(term);
      let due = 0;
      while (!term.aborted) {
        const begunAt = monotonic();
        if (touched || begunAt >= due) {
          touched = false;
          const all = await look();
          if (term.aborted) return;
          if (all === undefined) touched = true;
          else {
            // At once: what is begun from here on is not what was looked at.
            tell(all);
            const now = wall();
            const data = statusData(all, last, new Date(now).toISOString());
            if (monotonic() >= due || !isSame(data, last)) {
              const observed = {
                'observed.at': new Date(now).toISOString(),
                'observed.by': identity,
                'observed.until': new Date(now + HOLDS_MS).toISOString(),
              };
              const written = await object.write({ ...data, ...observed }, term);
              if (written) last = data;
              else touched = true;
              due = monotonic() + (written ? REFRESH_MS : AGAIN_MS);
            }
          }
        }
        await sleep(Math.max(everyMs, REST * (monotonic() - begunAt)), term);
        while (isBusy() && !term.aborted && monotonic() - begunAt < BUSY * everyMs) await sleep(everyMs / 20, term);
      }
    },
  };
}

const isSame = (a: StatusData, b: StatusData): boolean =>
  Object.keys(a).length === Object.keys(b).length && Object.entries(a).every(([key, value]) => b[key] === value);
