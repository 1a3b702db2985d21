/** With a list of namespaces: tells which of them are not there, and what an earlier list leaves behind. */
import type { Log } from '../log.ts';
import type { State } from '../observe/state.ts';
import { agree, some } from '../text.ts';
import type { TenantLog } from './tenant-log.ts';

export interface Listed {
  /** At the start of a term: compares with the list that the last leader saved, and puts this one into the state. */
  takeOver(): void;
  /** A namespace was looked at. Without a list: nothing to say. */
  saw(namespace: string, isThere: boolean): void;
}

interface ListedOptions {
  readonly namespaces: readonly string[] | undefined;
  readonly state: Pick<State, 'namespaces' | 'setNamespaces' | 'knows'>;
  readonly log: Pick<Log, 'warn'>;
  readonly tenantLog: Pick<TenantLog, 'line'>;
}

export function createListed({ namespaces, state, log, tenantLog }: ListedOptions): Listed {
  const absent = new Set<string>();
  return {
    takeOver() {
      const before = state.namespaces();
      if (namespaces !== undefined) {
        const left = (before ?? []).filter((name) => !namespaces.includes(name));
        if (left.length > 0)
          log.warn(
            `${some(left, 50)} ${agree(left.length, 'is', 'are')} no longer listed: copies and references stay there, and get no new ` +
              `login. To remove them: pullpass prune --namespaces ${left.join(',')}`,
          );
        if (before === undefined && state.knows())
          log.warn(
            'until now the whole cluster was looked after: in namespaces that are not listed copies and references stay, and ' +
              'get no new login. To remove them there: pullpass prune --namespaces, with these namespaces',
          );
      }
      state.setNamespaces(namespaces);
    },
    saw(namespace, isThere) {
      if (namespaces === undefined || (isThere && !absent.delete(namespace)) || (!isThere && absent.has(namespace)))
        return;
      if (!isThere) absent.add(namespace);
      tenantLog.line(
        isThere ? 'info' : 'warn',
        namespace,
        {},
        isThere
          ? 'the listed namespace is there now'
          : 'the namespace is listed, and is not there or has no ServiceAccount yet: nothing is written',
      );
    },
  };
}
