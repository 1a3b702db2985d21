/** Parts of remedies that several rules share. Commands are in backticks; no full stop follows a command at the end of a text. */
import type { SourceConfig } from '../../config/schema.ts';
import { ANNOTATION_SOURCES, ANNOTATION_SYNC, DEFAULT_NAMESPACE, LEASE_NAME } from '../../names.ts';
import type { ObservedNamespace } from '../../plan/observed.ts';
import { UNDONE_DOCS } from '../../plan/undone.ts';
import { splitList } from '../../plan/selection.ts';
import type { Facts } from '../facts/facts.ts';
import type { AuditedSource } from '../observe/observation.ts';
import { quoteList } from '../../text.ts';

const LEASE = `\`kubectl -n ${DEFAULT_NAMESPACE} get lease ${LEASE_NAME}\``;
const LOG = `\`kubectl -n ${DEFAULT_NAMESPACE} logs deployment/pullpass\``;

export const CHECK_CONTROLLER = `The controller mends this within seconds: check that it runs (${LEASE}) and what its log says of this namespace (${LOG}).`;

/** For what another writer undid. */
export const LEAVE_ALONE =
  `Have the other tool leave it alone: ${UNDONE_DOCS} says how, for Argo CD (ignoreDifferences), Flux, Helm and kubectl. ` +
  'Pullpass writes it again within seconds, or after up to 5 minutes if that was undone again and again.';

export const CHECK_RUNNING = `Check that the controller runs (${LEASE}), and what its log says (${LOG}).`;

/** `Secret pullpass-system/upstream-registry`. */
export const secretOf = ({ config: { secret } }: Pick<AuditedSource, 'config'>): string =>
  `Secret ${secret.namespace}/${secret.name}`;

/** The same for the name of a source. */
export function secretOfSource({ sources }: Facts, name: string): string {
  const source = sources.find(({ config }) => config.name === name);
  return source === undefined ? 'the Secret of the source' : secretOf(source);
}

/** Why it is unknown what sources hold; undefined: all could be read. */
export function whyUnknown({ sources }: Facts): string | undefined {
  const unread = sources.filter(({ state }) => state === 'unread').map(({ config }) => config.name);
  if (unread.length === 0) return undefined;
  return unread.length === 1
    ? `the Secret of source ${quoteList(unread)} could not be read`
    : `the Secrets of sources ${quoteList(unread)} could not be read`;
}

/** Sources whose Secret cannot be used, and of which nothing is in force: what they hold is unknown. */
export const unusableSources = ({ sources }: Facts): string[] =>
  sources.filter(({ state, content }) => state === 'invalid' && content === undefined).map(({ config }) => config.name);

/** Whether a name needs no quoting in a command: names of pod owners and roles are not ours. */
export const isPlainName = (name: string): boolean => /^[\w.:][\w.:-]*$/.test(name);

/** Every step that is needed to opt the namespace in to the source. */
export function stepsIn(config: SourceConfig, { name, sync, sources }: ObservedNamespace, admits: boolean): string[] {
  return [
    ...(admits
      ? []
      : [
          `allow the namespace in the configuration: sources[].namespaces of source "${config.name}"${
            config.namespaces.selector === undefined ? '' : ' (names and labels)'
          }`,
        ]),
    ...(sources === undefined || splitList(sources).includes(config.name)
      ? []
      : [`add "${config.name}" to the annotation ${ANNOTATION_SOURCES} of the namespace`]),
    ...(sync === 'enabled' || (sync === undefined && config.optInByDefault)
      ? []
      : [`opt the namespace in: \`kubectl annotate namespace ${name} --overwrite ${ANNOTATION_SYNC}=enabled\``]),
  ];
}
