/** What kubelets and registries say of a failed pull, made fit for a report. */
import { fit, cut } from '../../text.ts';

/** One line, bounded, without logins and queries in URLs: a signed query is as good as a login. */
export function redactText(text: string): string {
  return fit(
    cut(text, 4000)
      .replace(/\b(\w+:\/\/)[^/@\s"']*@/g, '$1***@')
      .replace(/[^\s"']+/g, withoutQuery)
      .replace(/\b(Bearer|Basic) [\w~+/.=-]{8,}/gi, '$1 ***'),
    400,
  );
}

/** Word by word: one expression for all of it would begin anew at each of the thousand URLs that a hostile registry answers with. */
function withoutQuery(word: string): string {
  const url = word.search(/\w:\/\//);
  const query = url < 0 ? -1 : word.indexOf('?', url);
  return query < 0 ? word : `${word.slice(0, query)}?...`;
}
