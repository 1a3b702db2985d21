/** Reads the YAML of the configuration: exactly one mapping, with positions. */
import { isAlias, isMap, isScalar, isSeq, parseAllDocuments, visit, type Document, type YAMLError } from 'yaml';
import { messageOf } from '../errors.ts';

/** A fault of the YAML text itself, found before the schema is checked. */
interface YamlFault {
  /** Position in the text, in UTF-16 code units. */
  offset: number;
  message: string;
}

/** `document` and `value` are present if the text can be checked against the schema. */
type YamlText = { faults: YamlFault[] } & ({ document: Document; value: unknown } | object);

/** Above this many uses of one anchor, nested uses multiplied, the text is an alias bomb. */
const MAX_ALIASES = 1000;

const TOO_DEEP = 'is nested too deeply to be a configuration';
const START = 'start it with "apiVersion: pullpass.dev/v1alpha1" and "kind: Configuration"';

/** Reads one YAML 1.2 document. Never throws. */
export function readYaml(text: string): YamlText {
  const fail = (offset: number, message: string) => ({ faults: [{ offset, message }] });
  let documents: Document[];
  try {
    // An empty stream also gives an array, without documents.
    documents = [...parseAllDocuments(text, { prettyErrors: false, logLevel: 'silent' })].filter(hasContent);
  } catch (error) {
    return fail(0, error instanceof RangeError ? TOO_DEEP : `is not YAML: ${messageOf(error)}`);
  }
  const [document, second] = documents;
  if (document === undefined) return fail(0, `is empty: ${START}`);
  if (second !== undefined)
    return fail(
      startOf(second),
      'a second document starts here: keep one, and put further sources under its "sources"',
    );

  const errors = [...document.errors, ...document.warnings];
  const exhausted = errors.find(({ code }) => code === 'RESOURCE_EXHAUSTION');
  if (exhausted !== undefined) return fail(exhausted.pos[0], TOO_DEEP);
  const faults = errors
    .map(fault)
    .filter(
      ({ offset, message }, index, all) =>
        index === all.findIndex((other) => other.offset === offset && other.message === message),
    );
  // After a duplicate key the rest can be checked; after any other error the schema would only report its consequences.
  if (errors.some(({ code }) => code !== 'DUPLICATE_KEY')) return { faults };
  if (!isMap(document.contents))
    return fail(startOf(document), `is ${kindOf(document)}, not a configuration: ${START}`);
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    if (isConfigMap(value))
      return fail(
        startOf(document),
        'is a ConfigMap manifest: give the configuration that stands under its "data" as a file of its own',
      );
    return { faults, document, value };
  } catch (error) {
    return fail(firstAlias(document), aliasMessage(error));
  }
}

function hasContent(document: Document): boolean {
  const { contents, errors } = document;
  return (
    errors.length > 0 ||
    !(contents === null || (isScalar(contents) && contents.value === null && (contents.source ?? '') === ''))
  );
}

function fault({ code, pos, message }: YAMLError): YamlFault {
  switch (code) {
    case 'DUPLICATE_KEY':
      return { offset: pos[0], message: 'this key is given twice in one mapping: remove one of the two' };
    case 'TAB_AS_INDENT':
      return { offset: pos[0], message: 'is not valid YAML: a tab indents this line, use spaces' };
    case 'TAG_RESOLVE_FAILED':
      return { offset: pos[0], message: 'has a tag ("!...") that a configuration has no use for: remove it' };
    // Some messages end with quoted text of the file, which may be a credential: leave it out.
    default:
      return { offset: pos[0], message: `is not valid YAML: ${message.replace(/: ".*"$/s, '')}` };
  }
}

function kindOf({ contents }: Document): string {
  return isSeq(contents) ? 'a list' : 'plain text';
}

function isConfigMap(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'ConfigMap';
}

function startOf(document: Document): number {
  return document.contents?.range?.[0] ?? document.range?.[0] ?? 0;
}

function aliasMessage(error: unknown): string {
  if (error instanceof RangeError) return TOO_DEEP;
  return /excessive alias/i.test(messageOf(error))
    ? `uses an anchor more than ${MAX_ALIASES} times: write it out, or use fewer aliases ("*name")`
    : 'uses an alias ("*name") whose anchor ("&name") does not stand before it: define the anchor first';
}

/** The first alias without an anchor, else the first alias. */
function firstAlias(document: Document): number {
  const aliases: { offset: number; resolved: boolean }[] = [];
  visit(document, {
    Alias: (_, node) =>
      void (
        isAlias(node) && aliases.push({ offset: node.range?.[0] ?? 0, resolved: node.resolve(document) !== undefined })
      ),
  });
  return (aliases.find(({ resolved }) => !resolved) ?? aliases[0])?.offset ?? 0;
}
