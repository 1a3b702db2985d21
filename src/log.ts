/** One JSON line per event on stdout, where Kubernetes collects it. No credential ever reaches it. */
import { pino } from 'pino';
import type { DestinationStream, Logger } from 'pino';

export type Log = Logger;

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** An error is logged as its message; its stack only at the levels debug and trace. */
export function createLog(level: string, destination?: DestinationStream): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      // Nothing logs these now; this protects them if a later change does.
      redact: {
        paths: [
          'password',
          'auth',
          'token',
          'data',
          'stringData',
          '*.password',
          '*.auth',
          '*.token',
          '*.data',
          '*.stringData',
          '*.identitytoken',
          'headers.authorization',
          '*.headers.authorization',
        ],
        censor: '[redacted]',
      },
      serializers: {
        err: (error: unknown) =>
          error instanceof Error
            ? {
                type: error.name,
                message: error.message,
                ...(level === 'debug' || level === 'trace' ? { stack: error.stack } : {}),
              }
            : error,
      },
    },
    destination ?? stdout(),
  );
}

/** Most characters that wait for a disk or a reader that takes nothing; then lines are dropped. */
const MAX_WAITING = 1024 * 1024;

/** A full disk, or a reader that is gone, must not end or stop the program: the log is not its work. */
function stdout(): DestinationStream {
  const stream = pino.destination({ dest: 1, sync: true, maxLength: MAX_WAITING });
  stream.on('error', () => undefined);
  return stream;
}
