/** Makes the message of a failed pull safe for a report. */
import { fit, cut } from '../../text.ts';

/** One line, of limited length, without logins and queries in URLs: a signed query works like a login. */
export function redactText(text: string): string {
  return fit(
    cut(text, 4000)
      .replace(/\b(\w+:\/\/)[^/@\s"']*@/g, '$1***@')
      .replace(/[^\s"']+/g, withoutQuery)
      .replace(/\b(Bearer|Basic) [\w~+/.=-]{8,}/gi, '$1 ***'),
    400,
  );
}

/** For one word: one regular expression for the whole text would take quadratic time on a thousand URLs of a hostile registry. */
function withoutQuery(word: string): string {
  const url = word.search(/\w:\/\//);
  const query = url < 0 ? -1 : word.indexOf('?', url);
  return query < 0 ? word : `${word.slice(0, query)}?...`;
}
