/**
 * Where the controller connects to, as far as its configuration says. A NetworkPolicy knows ports and namespaces, and no names of hosts.
 * Data, as the rights: the Helm chart reads the same table and patterns. They are regular expressions of JavaScript and RE2 both.
 */
import type { Configuration } from '../config/schema.ts';
import { field, isSet, listsOf, rowsOf, valueOf } from './references.ts';
import type { List, Path, Reference, Row } from './references.ts';

/** A field that holds the address of something that the controller asks. */
export interface Address extends Reference {
  readonly lists: readonly List[];
  readonly when: readonly Reference[];
  /** If none is written in a registry key. Absent: a URL, whose scheme says it. */
  readonly port?: number;
}

/** Of a registry whose port nobody wrote; which ones a source is for only its Secret knows. */
export const REGISTRY_PORT = 443;

export const ADDRESSES: readonly Address[] = [
  address('sources.aliases.host', { port: REGISTRY_PORT }),
  address('sources.aliases.from', { port: REGISTRY_PORT }),
  address('registries.host', { port: REGISTRY_PORT }),
  address('registries.host', { port: 80, when: 'registries.plainHttp' }),
  address('cacheProxies.registry', { port: REGISTRY_PORT }),
  address('cacheProxies.probe.url'),
  address('cacheProxies.url'),
  address('cacheProxies.endpointUrl'),
];

/** Scheme, host and port, in lower case. */
export const ADDRESS = String.raw`^(https?://)?(\[[0-9a-f:.]*\]|[^/:?#\\]*)(?::([0-9]*))?(?:[/?#\\].*)?$`;

const LABEL = '[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?';
const SERVICE = String.raw`^(?:${LABEL}\.)+(${LABEL})\.svc`;
/** Hosts that are a Service, and its namespace; none: the controller's. Those that are not `sure` can be another host, too. */
export const SERVICES: readonly { readonly host: string; readonly sure: boolean }[] = [
  { host: String.raw`${SERVICE}(?:\.cluster\.local)?\.?$`, sure: true },
  { host: String.raw`${SERVICE}\..+$`, sure: false },
  { host: String.raw`^${LABEL}\.(${LABEL})\.?$`, sure: false },
  { host: String.raw`^${LABEL}()\.?$`, sure: false },
];

/** Of the DNS server; OpenShift's listens on the second one. */
export const DNS_PORTS: readonly number[] = [53, 5353];
/** The Service of the API server has the first one. Behind it most clusters have one of the two, on the nodes' network. */
export const API_PORTS: readonly number[] = [443, 6443];

export interface Egress {
  /** Of hosts anywhere: no selector reaches what is outside of the cluster. Sorted. */
  readonly ports: readonly number[];
  /** Of Services, sorted. On all ports: a policy sees that of the pod, which only the Service knows. */
  readonly namespaces: readonly string[];
}

/** `ports`: more of them, such as that of an HTTP proxy, or of a registry that only the Secret of a source names. */
export function egressOf(
  configuration: Pick<Configuration, 'sources' | 'cacheProxies' | 'registries'>,
  { namespace, ports: more = [] }: { namespace: string; ports?: readonly number[] },
): Egress {
  return evaluateEgress(ADDRESSES, configuration, { namespace, ports: [REGISTRY_PORT, ...API_PORTS, ...more] });
}

export function evaluateEgress(
  addresses: readonly Address[],
  configuration: object,
  own: { namespace: string; ports: readonly number[] },
): Egress {
  const ports = new Set(own.ports);
  const namespaces = new Set<string>();
  for (const each of addresses)
    for (const row of rowsOf(each.lists, configuration)) {
      const found = locate(each, row);
      if (found === undefined) continue;
      if (found.namespace !== undefined) namespaces.add(found.namespace || own.namespace);
      if (!found.sure && found.port >= 1 && found.port <= 65_535) ports.add(found.port);
    }
  return { ports: [...ports].sort((a, b) => a - b), namespaces: [...namespaces].sort() };
}

/** Undefined: there is no address for this row. `sure`: it is a Service and nothing else. */
function locate(address: Address, row: Row): { port: number; namespace?: string; sure: boolean } | undefined {
  const value = valueOf(address, row);
  if (typeof value !== 'string' || !address.when.every((each) => isSet(each, row))) return undefined;
  const parts = new RegExp(ADDRESS).exec(value.trim().toLowerCase());
  if (parts === null) return undefined;
  const [, scheme, host = '', written = ''] = parts;
  const port = written === '' ? (address.port ?? (scheme === 'http://' ? 80 : 443)) : Number(written);
  // A registry key such as docker.io has the form of a Service's name, and is hardly ever one.
  for (const service of SERVICES.filter(({ sure }) => sure || address.port === undefined)) {
    const [match, namespace = ''] = new RegExp(service.host).exec(host) ?? [];
    if (match !== undefined) return { port, namespace, sure: service.sure };
  }
  return { port, sure: false };
}

function address(path: Path, { port, when }: { port?: number; when?: Path } = {}): Address {
  const conditions = when === undefined ? [] : [field(when)];
  const value = field(path);
  return { ...value, lists: listsOf([value, ...conditions]), when: conditions, ...(port !== undefined && { port }) };
}
