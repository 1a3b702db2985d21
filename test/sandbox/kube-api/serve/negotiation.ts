/** Which representation a client wants: `Accept`, with the `as`, `g` and `v` parameters of Kubernetes. */
import { ApiError } from '../status.ts';

export type As = 'Object' | 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList';

export interface Representation {
  readonly format: 'json' | 'yaml';
  readonly as: As;
  readonly pretty: boolean;
}

const TRANSFORMS: readonly string[] = ['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList'];
const SUPPORTED = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];

interface Clause {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

export function parseAccept(header: string | undefined): Clause[] {
  if (header === undefined || header.trim() === '') return [{ type: '*/*', parameters: new Map() }];
  const clauses = header.split(',').map((text) => {
    const [type = '', ...parameters] = text.split(';').map((part) => part.trim());
    return {
      type: type.toLowerCase(),
      parameters: new Map(
        parameters.map((parameter) => {
          const [key = '', value = ''] = parameter.split('=');
          return [key, value] as const;
        }),
      ),
    };
  });
  return clauses.sort((a, b) => quality(b) - quality(a));
}

function quality(clause: Clause): number {
  return Number(clause.parameters.get('q') ?? 1);
}

/**
 * The first clause of `Accept` that can be served. Clauses before it that cannot be served (such as protobuf) are skipped, as in
 * the API server.
 */
export function negotiate(header: string | undefined, pretty: boolean): Representation {
  const clauses = parseAccept(header);
  for (const { type, parameters } of clauses) {
    const format = formatOf(type);
    if (format === undefined) continue;
    const as = parameters.get('as');
    if (as === undefined) return { format, as: 'Object', pretty };
    const known =
      TRANSFORMS.includes(as) &&
      parameters.get('g') === 'meta.k8s.io' &&
      ['v1', 'v1beta1'].includes(parameters.get('v') ?? '');
    if (known) return { format, as: as as As, pretty };
  }
  // Two layers of the server say no in two ways: the router to types nobody serves, the handler to the rest.
  if (clauses.some(({ type }) => SUPPORTED.includes(type)))
    throw notAcceptable(`only the following media types are accepted: ${SUPPORTED.join(', ')}`);
  throw new ApiError(
    406,
    'NotAcceptable',
    `406: Not Acceptable\n\nAvailable representations: ${SUPPORTED.join(', ')}`,
    {},
  );
}

export function notAcceptable(message: string): ApiError {
  return new ApiError(406, 'NotAcceptable', message);
}

function formatOf(type: string): 'json' | 'yaml' | undefined {
  if (type === '*/*' || type === 'application/*' || type === 'application/json') return 'json';
  return type === 'application/yaml' ? 'yaml' : undefined;
}
