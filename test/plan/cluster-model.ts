/**
 * One namespace of a cluster, as far as plans touch it: a model to carry plans out on, step by step. Writes are guarded
 * as the API server guards them, and each of ours is checked against what Pullpass promises.
 */
import { expect } from 'vitest';
import { projectServiceAccount } from '../../src/observe/projections.ts';
import { ANNOTATION_ADDED, ANNOTATION_SYNC, DEFAULT_NAMESPACE, TYPE_DOCKER_CONFIG_JSON } from '../../src/names.ts';
import type { Action } from '../../src/plan/action.ts';
import { isInSync, planNamespace } from '../../src/plan/namespace.ts';
import type { ObservedCopy, ObservedNamespace, ObservedScope, ObservedSource } from '../../src/plan/observed.ts';
import { toJsonPatch } from '../../src/plan/service-account.ts';
import { applyPatch, PatchRefused } from './json-patch.ts';
import { copy, namespace } from './observations.ts';
import type { NamespacePlan } from '../../src/plan/namespace-plan.ts';

interface Account {
  metadata: {
    name: string;
    namespace: string;
    uid: string;
    resourceVersion: string;
    annotations?: Record<string, string>;
  };
  imagePullSecrets?: { name?: string }[];
}

export interface Model {
  namespace: ObservedNamespace;
  accounts: Map<string, Account>;
  secrets: Map<string, ObservedCopy>;
  sources: ObservedSource[];
  retired: string[];
}

export class Cluster {
  readonly state: Model;
  #version = 100;

  constructor(sources: ObservedSource[], retired: string[] = []) {
    this.state = {
      namespace: namespace({ sync: undefined }),
      accounts: new Map(),
      secrets: new Map(),
      sources,
      retired,
    };
  }

  next(): string {
    return String(this.#version++);
  }

  addAccount(name: string, pullSecrets: string[] = [], annotations?: Record<string, string>): void {
    this.state.accounts.set(name, {
      metadata: {
        name,
        namespace: 'team-a',
        uid: `sa-${this.next()}`,
        resourceVersion: this.next(),
        ...(annotations && { annotations }),
      },
      ...(pullSecrets.length > 0 && { imagePullSecrets: pullSecrets.map((entry) => ({ name: entry })) }),
    });
  }

  addSecret(name: string, parts: Partial<ObservedCopy> = {}): void {
    this.state.secrets.set(
      name,
      copy({
        name,
        uid: `secret-${this.next()}`,
        resourceVersion: this.next(),
        ours: false,
        source: undefined,
        digest: 'theirs',
        ...parts,
      }),
    );
  }

  /** Anything but our own writes. */
  change(name: string, edit: (account: Account) => void): void {
    const account = this.state.accounts.get(name);
    if (account === undefined) return;
    edit(account);
    if (account.imagePullSecrets?.length === 0) delete account.imagePullSecrets;
    account.metadata.resourceVersion = this.next();
  }

  setSync(name: string, value: string | undefined): void {
    this.change(name, ({ metadata }) => {
      const { [ANNOTATION_SYNC]: _, ...rest } = metadata.annotations ?? {};
      metadata.annotations = value === undefined ? rest : { ...rest, [ANNOTATION_SYNC]: value };
    });
  }

  observe(): ObservedScope {
    const { namespace: ns, accounts, secrets, sources, retired } = structuredClone(this.state);
    const known = new Set([...sources.map(({ config }) => config.copyName), ...retired]);
    return {
      instance: DEFAULT_NAMESPACE,
      namespace: ns,
      serviceAccounts: [...accounts.values()].map((account) => projectServiceAccount(account)),
      copies: new Map([...secrets].filter(([name]) => known.has(name))),
      sources,
      retiredCopyNames: retired,
    };
  }

  plan(): NamespacePlan {
    return planNamespace(this.observe());
  }

  /** Carries out one step as `reconcile/apply.ts` does, and checks that it broke no promise. False: the server refused it. */
  apply(action: Action): boolean {
    const before = structuredClone(this.state);
    const done = this.#write(action);
    this.#keepsPromises(before, action);
    return done;
  }

  /** Plans and applies until nothing is left; at most `rounds` times. */
  settle(rounds: number): number {
    for (let round = 0; round <= rounds; round++) {
      const plan = this.plan();
      if (isInSync(plan)) return round;
      for (const action of stepsOf(plan)) this.apply(action);
    }
    throw new Error(`not in sync after ${rounds} rounds: ${JSON.stringify(stepsOf(this.plan()))}`);
  }

  /** What people see of the namespace: no versions, no uids. */
  picture(): unknown {
    const { accounts, secrets } = this.state;
    return {
      accounts: [...accounts]
        .map(([name, { imagePullSecrets = [], metadata }]) => [
          name,
          imagePullSecrets,
          Object.entries(metadata.annotations ?? {}).sort(),
        ])
        .sort(),
      secrets: [...secrets]
        .map(([name, { digest, ours, source, type }]) => [name, { digest, ours, source, type }])
        .sort(),
    };
  }

  #write(action: Action): boolean {
    const { secrets, accounts } = this.state;
    if (action.type === 'editReferences') {
      const account = accounts.get(action.account.name);
      if (account === undefined) return false;
      try {
        const patched = applyPatch(account, toJsonPatch(action.account, action.edit));
        if (patched.imagePullSecrets?.length === 0) delete patched.imagePullSecrets;
        if (patched.metadata.annotations && Object.keys(patched.metadata.annotations).length === 0)
          delete patched.metadata.annotations;
        patched.metadata.resourceVersion = this.next();
        accounts.set(action.account.name, patched);
        return true;
      } catch (error) {
        if (error instanceof PatchRefused) return false;
        throw error;
      }
    }
    const known = secrets.get(action.name);
    if (
      action.type !== 'createCopy' &&
      (known === undefined || known.uid !== action.uid || known.resourceVersion !== action.resourceVersion)
    )
      return false;
    if (action.type === 'deleteCopy') return secrets.delete(action.name);
    if (action.type === 'createCopy' && known !== undefined) return false;
    if (action.type === 'updateCopy' && known?.type !== TYPE_DOCKER_CONFIG_JSON) return false;
    const uid = action.type === 'updateCopy' && known !== undefined ? known.uid : `secret-${this.next()}`;
    secrets.set(
      action.name,
      copy({
        name: action.name,
        uid,
        resourceVersion: this.next(),
        source: action.source,
        digest: action.digest,
        adopt: known?.adopt ?? false,
      }),
    );
    return true;
  }

  #keepsPromises(before: Model, action: Action): void {
    const { secrets, accounts } = this.state;
    const what = JSON.stringify(action);
    // 2: no reference of ours to a Secret that is not there, unless somebody else took it away before.
    const dangling = (model: Model): Set<string> =>
      new Set([...model.accounts.values()].flatMap(recordOf).filter((name) => !model.secrets.has(name)));
    expect(
      [...dangling(this.state)].filter((name) => !dangling(before).has(name)),
      `dangling after ${what}`,
    ).toEqual([]);
    for (const [name, secret] of before.secrets) {
      const after = secrets.get(name);
      // 5: what is not ours is not touched, unless it was given to us.
      if (!secret.ours && !secret.adopt) expect(after, `foreign Secret after ${what}`).toEqual(secret);
      // 3: in place, unless its type is wrong.
      if (after !== undefined && secret.type === TYPE_DOCKER_CONFIG_JSON)
        expect(after.uid, `recreated by ${what}`).toBe(secret.uid);
    }
    // 1: what others wrote into a list stays, in its order.
    for (const [name, account] of before.accounts) {
      const mine = new Set(recordOf(account));
      const theirs = (account.imagePullSecrets ?? [])
        .map((entry) => entry.name ?? '')
        .filter((entry) => !mine.delete(entry));
      const now = (accounts.get(name)?.imagePullSecrets ?? []).map((entry) => entry.name ?? '');
      let i = 0;
      for (const entry of now) if (entry === theirs[i]) i++;
      expect(theirs.slice(i), `lost by ${what}`).toEqual([]);
    }
  }
}

export function stepsOf({ writeCopies, editReferences, deleteCopies }: NamespacePlan): Action[] {
  return [...writeCopies, ...editReferences, ...deleteCopies];
}

function recordOf({ metadata, imagePullSecrets = [] }: Account): string[] {
  const listed = new Set(imagePullSecrets.map(({ name }) => name));
  return (metadata.annotations?.[ANNOTATION_ADDED] ?? '').split(',').filter((name) => name !== '' && listed.has(name));
}
