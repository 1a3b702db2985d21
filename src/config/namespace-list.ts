/** The value of `--namespaces`: a short list of namespaces, for an installation without cluster-wide rights. */
import { quote } from '../text.ts';

/** Each costs a Role, and a watch per resource: for more, cluster-wide rights are the smaller evil. */
export const MAX_NAMESPACES = 50;

/** RFC 1123 label. Here, and not a schema: the command line is read before any library is loaded. */
export const DNS_LABEL = {
  max: 63,
  tooLong: 'is longer than 63 characters',
  pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
  wrong: 'is not a valid name: lower-case letters, digits and "-", starting and ending with a letter or digit',
} as const;

/** `a, b,c` -> a, b, c. A list in which anything is wrong is refused as a whole: a namespace must not be left out silently. */
export function parseNamespaceList(
  text: string,
): { readonly ok: true; readonly namespaces: readonly string[] } | { readonly ok: false; readonly problem: string } {
  const no = (problem: string) => ({ ok: false, problem }) as const;
  if (text.trim() === '') return no('is empty: name namespaces, or leave it out to look after the whole cluster.');
  const names = text.split(',').map((name) => name.trim());
  for (const [i, name] of names.entries()) {
    if (name === '') return no('has an empty name: separate the names by one comma each.');
    if (name.length > DNS_LABEL.max) return no(`${quote(name)} ${DNS_LABEL.tooLong}.`);
    if (!DNS_LABEL.pattern.test(name)) return no(`${quote(name)} ${DNS_LABEL.wrong}.`);
    if (names.indexOf(name) !== i) return no(`names ${quote(name)} twice.`);
  }
  if (names.length > MAX_NAMESPACES)
    return no(
      `has ${names.length} names: at most ${MAX_NAMESPACES}. For more, leave it out, and use cluster-wide rights.`,
    );
  return { ok: true, namespaces: names };
}
