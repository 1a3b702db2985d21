/** Reads the YAML of the configuration: exactly one mapping, with positions, in a time that does not depend on its author. */
import { Composer, isMap, isScalar, isSeq, Lexer, Parser, type Document, type YAMLError } from 'yaml';
import { messageOf } from '../errors.ts';
import { readNodes, type OffsetOf, type YamlFault } from './yaml-nodes.ts';

/** `value` and `offsetOf` are present if the text can be checked against the schema. */
type YamlText = { faults: YamlFault[] } & ({ value: unknown; offsetOf: OffsetOf } | object);

/**
 * Characters of a configuration: a quarter of what a ConfigMap can hold, as reading must not keep the controller from its probes
 * and its Lease. 500 sources are 100,000.
 */
export const MAX_TEXT = 256 * 1024;
/** Words, signs, spaces between them and ends of lines: what the parser takes its time for. */
const MAX_TOKENS = 65_536;
/** Of the parser's stack. A configuration nests seven levels, and each takes two places at most. */
const MAX_DEPTH = 64;

const TOO_DEEP = 'is nested too deeply to be a configuration';
const start = (kind: string): string => `start it with "apiVersion: pullpass.dev/v1alpha1" and "kind: ${kind}"`;

/** Reads one YAML 1.2 document. Never throws. */
export function readYaml(text: string, kind = 'Configuration'): YamlText {
  const fail = (offset: number, message: string) => ({ faults: [{ offset, message }] });
  if (text.length > MAX_TEXT) return fail(0, tooLarge(text.length));
  const found = quietly(() => compose(text));
  if ('message' in found) return { faults: [found] };
  const [document, second] = found.documents;
  if (document === undefined) return fail(0, `is empty: ${start(kind)}`);
  if (second !== undefined)
    return fail(
      startOf(second),
      `a second document starts here: keep one${kind === 'Configuration' ? ', and put further sources under its "sources"' : ''}`,
    );

  const errors = [...document.errors, ...document.warnings];
  const exhausted = errors.find(({ code }) => code === 'RESOURCE_EXHAUSTION');
  if (exhausted !== undefined) return fail(exhausted.pos[0], TOO_DEEP);
  // After an error the schema would only report its consequences.
  if (errors.length > 0)
    return { faults: [...new Map(errors.map(fault).map((each) => [`${each.offset} ${each.message}`, each])).values()] };
  if (!isMap(document.contents))
    return fail(startOf(document), `is ${kindOf(document)}, not a configuration: ${start(kind)}`);
  const nodes = readNodes(document);
  if ('fault' in nodes) return { faults: [nodes.fault] };
  const { value, offsetOf, faults } = nodes;
  if (isConfigMap(value))
    return fail(
      startOf(document),
      'is a ConfigMap manifest: give the configuration that stands under its "data" as a file of its own',
    );
  return { faults: [...faults], value, offsetOf };
}

/** The value of any one document, for other texts than a configuration: as deep and as long as one at most. Undefined: it is none. */
export function yamlValue(text: string): unknown {
  const found = quietly(() => compose(text));
  const [document, second] = 'message' in found ? [] : found.documents;
  if (document === undefined || second !== undefined || document.errors.length > 0) return undefined;
  const nodes = readNodes(document);
  return 'fault' in nodes ? undefined : nodes.value;
}

/** @param size of the text, in characters or bytes; undefined: nobody knows. */
export function tooLarge(size?: number): string {
  const is = size === undefined ? 'is larger than' : `has ${Math.ceil(size / 1024)} KiB, more than`;
  return `${is} ${MAX_TEXT / 1024} KiB: no configuration needs as much; certificates and templates that are repeated can be shared by "&name" and "*name"`;
}

/** At most two documents that have content: a third would not be read. */
function compose(text: string): { documents: Document[] } | YamlFault {
  const parser = new Parser();
  // What a key is compared with: see `yaml-nodes.ts`.
  const composer = new Composer({ prettyErrors: false, logLevel: 'silent', uniqueKeys: false });
  let problem: YamlFault | undefined;
  function* tokens() {
    let count = 0;
    for (const source of new Lexer().lex(text)) {
      if (++count > MAX_TOKENS)
        problem = {
          offset: parser.offset,
          message: `has more than ${MAX_TOKENS} words, signs and ends of lines before here: no configuration needs as many`,
        };
      else if (parser.stack.length > MAX_DEPTH) problem = { offset: parser.offset, message: TOO_DEEP };
      if (problem !== undefined) return;
      yield* parser.next(source);
    }
    yield* parser.end();
  }
  const documents: Document[] = [];
  try {
    for (const document of composer.compose(tokens())) {
      if (problem !== undefined) break;
      if (hasContent(document)) documents.push(document);
      if (documents.length === 2) break;
    }
    return problem ?? { documents };
  } catch (error) {
    return { offset: 0, message: error instanceof RangeError ? TOO_DEEP : `is not YAML: ${messageOf(error)}` };
  }
}

/** A text can have an error at every sign. Each is an `Error`, and its stack, which nobody sees, costs more than all else. */
function quietly<T>(run: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return run();
  } finally {
    Error.stackTraceLimit = limit;
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
    case 'TAB_AS_INDENT':
      return { offset: pos[0], message: 'is not valid YAML: a tab indents this line, use spaces' };
    case 'TAG_RESOLVE_FAILED':
      return { offset: pos[0], message: 'has a tag ("!...") that a configuration has no use for: remove it' };
    // Some messages end with text of the file, which may be a credential: leave it out.
    default:
      return {
        offset: pos[0],
        message: `is not valid YAML: ${message.replace(/: .*$/s, '')}`,
      };
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
