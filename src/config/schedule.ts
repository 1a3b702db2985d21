/** Cron expressions and time zones, checked by the library that runs them. */
import { validate } from 'node-cron';

/** The library writes ranges out before it looks at their ends: no field has a number of three digits. */
export function isValidCron(expression: string): boolean {
  return expression.length <= 200 && !/\d{3}/.test(expression) && validate(expression);
}

/** Whether this runtime knows `zone` as an IANA time zone. */
export function isTimeZone(zone: string): boolean {
  // The usual one: the first zone that is looked up takes 15 ms.
  if (zone === 'UTC') return true;
  if (zone.length > 100) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}
