/** Any text as one YAML value. */

/** A double-quoted scalar in ASCII: YAML 1.1 and 1.2 readers disagree about which other characters break a line. */
export function yamlScalar(text: string): string {
  return JSON.stringify(text).replace(
    /[^\x20-\x7e]/gu,
    (character) => `\\U${(character.codePointAt(0) ?? 0).toString(16).padStart(8, '0')}`,
  );
}
