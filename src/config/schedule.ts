/** Cron expressions and time zones, checked by the library that runs them. */
import { validate } from 'node-cron';

export function isValidCron(expression: string): boolean {
  return validate(expression);
}

/** Whether this runtime knows `zone` as an IANA time zone. */
export function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}
