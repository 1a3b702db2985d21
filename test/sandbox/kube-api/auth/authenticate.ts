/** Authenticates by client certificate or bearer token, else anonymously. An invalid credential always gives 401. */
import type { IncomingMessage } from 'node:http';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { unauthorized } from '../status.ts';
import type { Tokens } from './tokens.ts';
import { ANONYMOUS, AUTHENTICATED, CREDENTIAL_ID, type User } from './user.ts';

/** A certificate belongs to its connection: read once for each. */
const certificateUsers = new WeakMap<TLSSocket, { readonly user: User | undefined }>();

export function authenticate(request: IncomingMessage, tokens: Tokens, anonymous: boolean): User {
  const byCertificate = certificateUser(request.socket as TLSSocket);
  if (byCertificate) return byCertificate;
  const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (bearer !== undefined) {
    const user = tokens.user(bearer);
    if (!user) throw unauthorized();
    return user;
  }
  if (!anonymous) throw unauthorized();
  return ANONYMOUS;
}

function certificateUser(socket: TLSSocket): User | undefined {
  const known = certificateUsers.get(socket);
  if (known) return known.user;
  const certificate = socket.getPeerCertificate();
  const given = Object.keys(certificate).length > 0;
  if (given && !socket.authorized) throw unauthorized();
  const user = given ? fromCertificate(certificate) : undefined;
  certificateUsers.set(socket, { user });
  return user;
}

function fromCertificate({ subject, fingerprint256 }: PeerCertificate): User {
  // Node gives a list when a name appears more than once, whatever its types say.
  const all = (value: string | string[] | undefined): string[] => (value === undefined ? [] : [value].flat());
  return {
    name: all(subject.CN)[0] ?? '',
    groups: [...all(subject.O), AUTHENTICATED],
    extra: { [CREDENTIAL_ID]: [`X509SHA256=${fingerprint256.replaceAll(':', '').toLowerCase()}`] },
  };
}
