/**
 * Which egress proxy a request takes, from HTTPS_PROXY, HTTP_PROXY and NO_PROXY by Go's rules (golang.org/x/net/http/httpproxy):
 * the nodes' container runtime reads the same variables by them.
 */
import { BlockList, isIP } from 'node:net';
import { UserError } from '../errors.ts';

/** The variables as they are set; an empty one counts as unset. */
export interface EgressVariables {
  readonly HTTPS_PROXY?: string | undefined;
  readonly HTTP_PROXY?: string | undefined;
  readonly NO_PROXY?: string | undefined;
}

export interface EgressProxy {
  /** `http://proxy.corp:3128`, without a login: may be shown. */
  readonly origin: string;
  /** `proxy.corp:3128`, for messages. */
  readonly host: string;
  /** Value of Proxy-Authorization: never shown. */
  readonly authorization?: string;
}

export interface Egress {
  readonly https?: EgressProxy | undefined;
  readonly http?: EgressProxy | undefined;
  /** Undefined: the request goes straight to its host. */
  proxyFor(url: URL): EgressProxy | undefined;
}

/** @throws UserError: one line that names the variable, and nothing of its value, which can hold a password. */
export function readEgress(variables: EgressVariables = {}): Egress {
  const https = readProxy('HTTPS_PROXY', variables.HTTPS_PROXY);
  const http = readProxy('HTTP_PROXY', variables.HTTP_PROXY);
  const exempt = exemptions(variables.NO_PROXY ?? '');
  return {
    https,
    http,
    proxyFor(url) {
      const proxy = url.protocol === 'https:' ? https : http;
      return proxy === undefined || exempt(url) ? undefined : proxy;
    },
  };
}

function readProxy(variable: string, value = ''): EgressProxy | undefined {
  if (value.trim() === '') return undefined;
  const no = (why: string): UserError =>
    new UserError(
      `${variable} is not usable: ${why}; write http://proxy.corp:3128, with user:password@ in front if needed`,
    );
  // As in Go, `proxy.corp:3128` alone is an http:// URL.
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`);
  if (url === null || url.hostname === '' || /[^!-~]/.test(value)) throw no('it is not a URL');
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw no('only http:// and https:// proxies are supported');
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  const proxy = { origin: url.origin, host: `${url.hostname}:${port}` };
  if (url.username === '' && url.password === '') return proxy;
  let login: string;
  try {
    login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  } catch {
    throw no('its login has a "%" that is no escape: write it as %25');
  }
  return { ...proxy, authorization: `Basic ${Buffer.from(login).toString('base64')}` };
}

type Exempt = (host: string, port: string) => boolean;

/** Whether a request goes past the proxy: loopback always, as in Go, and what NO_PROXY lists. */
function exemptions(list: string): (url: URL) => boolean {
  const rules = list
    .split(',')
    .map((item) => item.trim().toLowerCase())
    .filter((item) => item !== '')
    .map(exemption);
  return (url) => {
    const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
    const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
    return host === 'localhost' || isWithin(LOOPBACK, host) || rules.some((rule) => rule(host, port));
  };
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

function exemption(item: string): Exempt {
  if (item === '*') return () => true;
  const [, address = '', bits = ''] = /^([\da-f:.]+)\/(\d{1,3})$/.exec(item) ?? [];
  const family = isIP(address);
  if (family !== 0 && Number(bits) <= (family === 4 ? 32 : 128)) {
    const range = new BlockList();
    range.addSubnet(address, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
    return (host) => isWithin(range, host);
  }
  // An address of version 6 has colons of its own: with a port it stands in brackets.
  const [, name = '', wanted] =
    isIP(item) === 6 ? [item, item] : (/^(\[[\da-f:.]+\]|[^:]*)(?::(\d+))?$/.exec(item) ?? [item, item]);
  const bare = name.replace(/^\[|\]$/g, '');
  const onPort = (port: string): boolean => wanted === undefined || wanted === port;
  if (isIP(bare) !== 0) {
    const one = new BlockList();
    one.addAddress(bare, isIP(bare) === 4 ? 'ipv4' : 'ipv6');
    return (host, port) => onPort(port) && isWithin(one, host);
  }
  // `corp.example` is the domain and all below it; `.corp.example` and `*.corp.example` only what is below it.
  const suffix = bare.replace(/^\*(?=\.)/, '').replace(/\.$/, '');
  if (suffix === '') return () => false;
  const below = suffix.startsWith('.') ? suffix : `.${suffix}`;
  return (host, port) => onPort(port) && (host.endsWith(below) || host === suffix);
}

function isWithin(range: BlockList, host: string): boolean {
  const family = isIP(host);
  return family !== 0 && range.check(host, family === 4 ? 'ipv4' : 'ipv6');
}
