/**
 * For `node --import`: moves the time of day of a program by as many milliseconds as the file in PULLPASS_TEST_CLOCK says, at any
 * time. Monotonic clocks and timers are left alone, as when a person sets the clock.
 */
import { readFileSync } from 'node:fs';

const file = process.env['PULLPASS_TEST_CLOCK'] ?? '';
const RealDate = Date;
const offset = (): number => Number(readFileSync(file, 'utf8')) || 0;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args: [], newTarget) =>
    Reflect.construct(target, args.length === 0 ? [RealDate.now() + offset()] : args, newTarget) as Date,
  apply: () => new RealDate(RealDate.now() + offset()).toString(),
  get: (target, key, receiver) =>
    key === 'now' ? () => RealDate.now() + offset() : (Reflect.get(target, key, receiver) as unknown),
});
