/** Milliseconds since 1970 by the monotonic clock: nobody sets it, and a server's own times can be compared with it. */
export const now = (): number => performance.timeOrigin + performance.now();
