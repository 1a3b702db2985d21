/** What kubelets and registries say of a failed pull, made fit for a report. */
import { oneLineOf } from './words.ts';

/** One line, bounded, without logins and queries in URLs: a signed query is as good as a login. */
export function redactText(text: string): string {
  return oneLineOf(
    text
      .slice(0, 4000)
      .replace(/\b(\w+:\/\/)[^/@\s"']*@/g, '$1***@')
      .replace(/(\w+:\/\/[^\s?"']*)\?[^\s"']*/g, '$1?...')
      .replace(/\b(Bearer|Basic) [\w~+/.=-]{8,}/gi, '$1 ***'),
    400,
  );
}
