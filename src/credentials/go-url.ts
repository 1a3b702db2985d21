/**
 * The part of Go's net/url and net packages with which the kubelet parses registry keys and images, on byte strings. It follows
 * Go 1.26, with which kubelets since 1.36 are built; older ones accept a few more malformed hosts.
 */
import type { ByteString } from './byte-string.ts';

export interface HostAndPath {
  /** Unescaped, with the port. */
  host: ByteString;
  /** Unescaped; empty, or starting with "/". */
  path: ByteString;
}

const CONTROL = /[^\x20-\x7e\x80-\xff]/;
const USER_INFO = /^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/;
const HOST = /^[A-Za-z0-9\-._~!$&'()*+,;=:[\]<>"%\x80-\xff]*$/;
const PORT = /^(?::[0-9]*)?$/;

/** Reads `http(s)://[user@]host[:port][/path][?query][#fragment]`. Undefined: Go calls it malformed. */
export function parseUrl(url: ByteString): HostAndPath | undefined {
  const [beforeFragment, fragment] = cut(url, '#');
  const start = beforeFragment.indexOf('://') + 3;
  if (start < 3 || CONTROL.test(beforeFragment) || unescape(fragment) === undefined) return undefined;
  const [rest] = cut(beforeFragment.slice(start), '?');
  const slash = rest.indexOf('/');
  const authority = slash < 0 ? rest : rest.slice(0, slash);
  const path = unescape(slash < 0 ? '' : rest.slice(slash));
  const at = authority.lastIndexOf('@');
  const user = authority.slice(0, Math.max(at, 0));
  const host = parseHost(authority.slice(at + 1));
  if (!USER_INFO.test(user) || unescape(user) === undefined || host === undefined || path === undefined)
    return undefined;
  return { host, path };
}

/** "example.com:5000" to host and port; as in Go, an address in brackets loses them only if a port follows. */
export function splitHostPort(hostPort: ByteString): { host: ByteString; port: ByteString } {
  const whole = { host: hostPort, port: '' };
  const colon = hostPort.lastIndexOf(':');
  if (colon < 0) return whole;
  const bracketed = hostPort.startsWith('[');
  if (bracketed && hostPort.indexOf(']') !== colon - 1) return whole;
  const host = bracketed ? hostPort.slice(1, colon - 1) : hostPort.slice(0, colon);
  if (/[[\]]/.test(host) || (!bracketed && host.includes(':'))) return whole;
  return { host, port: hostPort.slice(colon + 1) };
}

function parseHost(host: ByteString): ByteString | undefined {
  if (!HOST.test(host)) return undefined;
  const bracket = host.lastIndexOf('[');
  if (bracket > 0) return undefined;
  if (bracket === 0) return parseBracketed(host);
  const colon = host.indexOf(':');
  if (colon >= 0 && !PORT.test(host.slice(colon))) return undefined;
  return unescapeHost(host);
}

function parseBracketed(host: ByteString): ByteString | undefined {
  const close = host.lastIndexOf(']');
  if (close < 0 || !PORT.test(host.slice(close + 1))) return undefined;
  const inside = host.slice(1, close);
  const zoneAt = inside.indexOf('%25');
  const address = zoneAt < 0 ? unescapeHost(inside) : unescapeHost(inside.slice(0, zoneAt));
  const zone = zoneAt < 0 ? '' : unescapeZone(inside.slice(zoneAt));
  if (address === undefined || zone === undefined || !isIpv6(address + zone)) return undefined;
  return `[${address}${zone}]${host.slice(close + 1)}`;
}

/** Percent-decoding. Undefined: a "%" without two hex digits. */
function unescape(text: ByteString): ByteString | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return undefined;
  return text.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** In a host, only bytes outside ASCII and "%" itself may be escaped. */
function unescapeHost(text: ByteString): ByteString | undefined {
  return /%(?!25)[0-7]/.test(text) ? undefined : unescape(text);
}

/** In a zone, ASCII characters that are valid in a host, and the space, may also be escaped. */
function unescapeZone(text: ByteString): ByteString | undefined {
  const escapes = text.match(/%../g) ?? [];
  const allowed = escapes.every((escape) => {
    const byte = unescape(escape);
    return (
      byte !== undefined && (escape === '%25' || byte === ' ' || (byte !== '%' && byte < '\x80' && HOST.test(byte)))
    );
  });
  return allowed ? unescape(text) : undefined;
}

function isIpv6(text: ByteString): boolean {
  const percent = text.indexOf('%');
  if (percent >= 0 && percent === text.length - 1) return false; // an empty zone
  const address = percent < 0 ? text : text.slice(0, percent);
  // A dotted IPv4 address at the end stands for two groups.
  const groups = address.replace(/(?<=:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (all: string, ...octets: string[]) =>
    octets.slice(0, 4).every((octet) => /^(?:0|[1-9]\d{0,2})$/.test(octet) && Number(octet) < 256) ? '0:0' : all,
  );
  const halves = groups.split('::').map((half) => (half === '' ? [] : half.split(':')));
  const all = halves.flat();
  if (halves.length > 2 || !all.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return false;
  return halves.length === 2 ? all.length < 8 : all.length === 8;
}

function cut(text: ByteString, separator: string): [before: ByteString, after: ByteString] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
