/**
 * Limits open connections, because every pod in the cluster network can connect. A new connection is never rejected,
 * because it could be a probe of the kubelet: instead, the address with most connections loses one.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The connections of one address, each set in the order of insertion. */
interface Guest {
  /** No request yet, or all requests answered. */
  readonly idle: Set<Socket>;
  /** An answer is under way. */
  readonly busy: Set<Socket>;
}

interface Room {
  /** Adds a new connection, and closes another if there is no room. */
  enter(socket: Socket): void;
  /** A request came on this connection. false: it came before the last one was answered, and the connection is cut. */
  asks(socket: Socket, response: ServerResponse): boolean;
}

export function createRoom(places: number): Room {
  const guests = new Map<string, Guest>();
  const addresses = new Map<Socket, string>();

  function leave(socket: Socket): void {
    const address = addresses.get(socket) ?? '';
    const guest = guests.get(address);
    if (!addresses.delete(socket) || guest === undefined) return;
    guest.idle.delete(socket);
    guest.busy.delete(socket);
    if (sizeOf(guest) === 0) guests.delete(address);
  }

  /** Calls leave() at once: the `close` event comes later, and new connections before it. */
  function makeWay(): void {
    const socket = longestOf(guests.values());
    if (socket === undefined) return;
    leave(socket);
    socket.destroy();
  }

  return {
    enter(socket) {
      if (addresses.size >= places) makeWay();
      const address = socket.remoteAddress ?? '';
      let guest = guests.get(address);
      if (guest === undefined) guests.set(address, (guest = { idle: new Set(), busy: new Set() }));
      guest.idle.add(socket);
      addresses.set(socket, address);
      socket.once('close', () => leave(socket));
    },
    asks(socket, response) {
      const guest = guests.get(addresses.get(socket) ?? '');
      // No known client sends a request before the last answer, and thousands fit into one packet.
      if (guest?.idle.delete(socket) !== true) {
        socket.destroy();
        return false;
      }
      guest.busy.add(socket);
      response.once('close', () => {
        if (guest.busy.delete(socket)) guest.idle.add(socket);
      });
      return true;
    },
  };
}

const sizeOf = ({ idle, busy }: Guest): number => idle.size + busy.size;

/**
 * Of the address with most connections, the one that is idle for longest, or else busy for longest. Of two such
 * addresses, one with idle connections.
 */
function longestOf(guests: Iterable<Guest>): Socket | undefined {
  let most: Guest | undefined;
  for (const guest of guests) {
    const more = most === undefined ? 1 : sizeOf(guest) - sizeOf(most);
    if (more > 0 || (more === 0 && most?.idle.size === 0 && guest.idle.size > 0)) most = guest;
  }
  const [longest] = most === undefined ? [] : most.idle.size > 0 ? most.idle : most.busy;
  return longest;
}
