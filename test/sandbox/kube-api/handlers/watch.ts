/** Watches: the changes since a revision, then new ones, until one side closes the connection. */
import type { ServerResponse } from 'node:http';
import { decode } from '../schema/decode.ts';
import type { JsonObject, KubeObject } from '../json.ts';
import { apiVersionOf } from '../kinds/kind.ts';
import { expired } from '../status.ts';
import type { Change } from '../store/history.ts';
import type { Context } from '../serve/context.ts';
import type { Representation } from '../serve/negotiation.ts';
import { jsonOf, view } from '../serve/serialize.ts';
import { table, type IncludeObject } from '../serve/table.ts';
import { listOptions, parseVersion, type ListOptions } from './list-options.ts';
import { selectorOf, type Selector } from './list.ts';

const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';
/** The real server picks a time between 30 and 60 minutes for watches that name none. */
const DEFAULT_TIMEOUT = 1800;

/**
 * Starts a watch on a response. All refusals come before the first byte. While `isStalled`, a watch stays open and sends
 * nothing, and does not end at its timeout either.
 */
export function watch(
  context: Context,
  response: ServerResponse,
  representation: Representation,
  isStalled: () => boolean,
): void {
  const {
    cluster: { store },
    kind,
    resource,
    query,
  } = context;
  const options = listOptions(context, true);
  const selector = selectorOf(context) ?? (() => true);
  const from = parseVersion(options.resourceVersion);
  const namespace = kind.namespaced ? resource.namespace : '';
  const encode = encoder(context, representation, (query.get('includeObject') ?? 'Metadata') as IncludeObject);

  response.writeHead(200, {
    'content-type': representation.format === 'yaml' ? 'application/yaml' : 'application/json',
    'cache-control': 'no-cache, private',
  });
  response.flushHeaders();
  const send = (line: string): void => void (line !== '' && !isStalled() && response.write(line));

  const replay = start(context, options, from, namespace);
  if (replay === undefined) {
    // As with the real server, a watch that starts too far back is a 200 whose only event is the error.
    const error = expired(`too old resource version: ${from} (${store.compactedRevision})`);
    response.end(`${JSON.stringify({ type: 'ERROR', object: error.status() })}\n`);
    return;
  }
  for (const object of replay.state) if (selector(object)) send(encode('ADDED', object));
  if (options.sendInitialEvents === true && options.bookmarks) send(bookmark(context, representation, true));

  const deliver = (change: Change): void => send(event(change, selector, encode));
  for (const change of replay.changes) deliver(change);
  const silence = store.listen(kind.storage, namespace, (change) => {
    if (change.revision > from) deliver(change);
  });
  const bookmarks = options.bookmarks
    ? setInterval(() => send(bookmark(context, representation, false)), context.cluster.bookmarkInterval)
    : undefined;
  const end = setTimeout(
    () => {
      if (isStalled()) return;
      stop();
      response.end();
    },
    (options.timeout || DEFAULT_TIMEOUT) * 1000,
  );
  const stop = (): void => {
    silence();
    clearInterval(bookmarks);
    clearTimeout(end);
  };
  // It closes only when the client has read all there was, or hangs up.
  response.on('close', stop);
}

/** What to send first: the present state, or the changes since a revision. Undefined when those are forgotten. */
function start(
  { cluster: { store }, kind }: Context,
  options: ListOptions,
  from: number,
  namespace: string,
): { state: KubeObject[]; changes: Change[] } | undefined {
  const fromState = options.sendInitialEvents ?? (options.resourceVersion === '' || from === 0);
  if (fromState) return { state: store.list(kind.storage, namespace), changes: [] };
  const after = options.sendInitialEvents === false && from === 0 ? store.revision : from;
  const changes = store.changesAfter(after, kind.storage);
  return (
    changes && {
      state: [],
      changes: changes.filter(({ object }) => namespace === '' || object.metadata.namespace === namespace),
    }
  );
}

type Encode = (type: string, object: KubeObject) => string;

/** An object that starts to match is new to this watcher, and one that stops matching is gone. */
function event({ type, object, previous }: Change, selector: Selector, encode: Encode): string {
  const before = previous !== undefined && selector(previous);
  if (type === 'DELETED')
    return before || (previous === undefined && selector(object)) ? encode('DELETED', object) : '';
  const after = selector(object);
  if (after) return encode(before ? 'MODIFIED' : 'ADDED', object);
  if (!before) return '';
  return encode('DELETED', {
    ...previous,
    metadata: { ...previous.metadata, resourceVersion: object.metadata.resourceVersion ?? '' },
  });
}

function encoder({ kind }: Context, { as }: Representation, include: IncludeObject): Encode {
  let first = true;
  return (type, stored) => {
    const object = view(kind, stored);
    switch (as) {
      case 'Object':
        return `{"type":"${type}","object":${jsonOf(object, 'full')}}\n`;
      case 'PartialObjectMetadata':
        return `{"type":"${type}","object":${jsonOf(object, 'partial')}}\n`;
      // The real server cannot make a list of one event either: it sends nothing.
      case 'PartialObjectMetadataList':
        return '';
      case 'Table': {
        const rows = table(kind, [object], { resourceVersion: object.metadata.resourceVersion }, include, first);
        first = false;
        return `${JSON.stringify({ type, object: rows })}\n`;
      }
    }
  };
}

function bookmark({ cluster: { store }, kind }: Context, { as }: Representation, initial: boolean): string {
  const metadata: JsonObject = {
    resourceVersion: String(store.revision),
    ...(initial ? { annotations: { [INITIAL_EVENTS_END]: 'true' } } : {}),
  };
  const empty = { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata };
  const object =
    as === 'Object'
      ? decode(kind.shape, empty).value
      : as === 'Table'
        ? table(kind, [], metadata, 'None', false)
        : { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
  return `${JSON.stringify({ type: 'BOOKMARK', object })}\n`;
}
