/** A world with stores for a configuration, and objects as the API server sends them. */
import type { Configuration } from '../../src/config/schema.ts';
import { projectCopy, projectSource } from '../../src/observe/projections.ts';
import {
  ANNOTATION_ADDED,
  KEY_DOCKER_CONFIG_JSON,
  LABEL_MANAGED_BY,
  DEFAULT_NAMESPACE,
  LABEL_INSTANCE,
  LABEL_SOURCE,
  MANAGER,
  TYPE_DOCKER_CONFIG_JSON,
} from '../../src/names.ts';
import { createWorld, feedsOf } from '../../src/observe/world.ts';
import { keyOf } from '../../src/observe/feed-ids.ts';
import type { World } from '../../src/observe/world.ts';

/** Readable: the tests compare what became of a content. */
export const digest = (base64: string): string => `digest of ${Buffer.from(base64, 'base64').toString('utf8')}`;

export const base64 = (text: string): string => Buffer.from(text).toString('base64');

export function worldFor(configuration: Configuration): World {
  const world = createWorld(digest, DEFAULT_NAMESPACE);
  feedsOf(world, configuration);
  return world;
}

export function dockerConfig(password: string, registry = 'registry.test'): string {
  return JSON.stringify({ auths: { [registry]: { username: 'robot', password, auth: base64(`robot:${password}`) } } });
}

interface Raw {
  metadata: {
    name: string;
    namespace: string;
    uid: string;
    resourceVersion: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
}

export function rawSecret(
  parts: {
    name?: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    content?: string;
    type?: string;
    source?: string;
    data?: Record<string, string>;
  } = {},
) {
  const {
    name = 'regcred',
    namespace = 'team-a',
    uid = 'copy-uid',
    resourceVersion = '7',
    content,
    type = TYPE_DOCKER_CONFIG_JSON,
    source,
  } = parts;
  return {
    metadata: {
      name,
      namespace,
      uid,
      resourceVersion,
      ...(source !== undefined && {
        labels: { [LABEL_MANAGED_BY]: MANAGER, [LABEL_SOURCE]: source, [LABEL_INSTANCE]: DEFAULT_NAMESPACE },
      }),
    },
    type,
    data: parts.data ?? (content === undefined ? {} : { [KEY_DOCKER_CONFIG_JSON]: base64(content) }),
  };
}

export function rawAccount(
  pullSecrets: string[],
  {
    added,
    uid = 'sa-uid',
    resourceVersion = '1',
    sync,
  }: { added?: string; uid?: string; resourceVersion?: string; sync?: string } = {},
): Raw & { imagePullSecrets?: { name: string }[] } {
  const annotations = {
    ...(added !== undefined && { [ANNOTATION_ADDED]: added }),
    ...(sync !== undefined && { 'pullpass.dev/sync': sync }),
  };
  return {
    metadata: {
      name: 'default',
      namespace: 'team-a',
      uid,
      resourceVersion,
      ...(Object.keys(annotations).length > 0 && { annotations }),
    },
    ...(pullSecrets.length > 0 && { imagePullSecrets: pullSecrets.map((name) => ({ name })) }),
  };
}

/** Puts a source Secret, or a login of an alias, where its feed would. */
export function putSource(world: World, raw: ReturnType<typeof rawSecret>): void {
  world.secrets.get(keyOf(raw.metadata))?.put(projectSource(raw));
}

export function putCopy(world: World, raw: ReturnType<typeof rawSecret>): void {
  world.copies.get(raw.metadata.name)?.put(projectCopy(raw, world));
}
