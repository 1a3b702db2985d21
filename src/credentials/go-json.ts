/**
 * JSON as Go's encoding/json reads it: document order and duplicate members are kept, invalid UTF-8 inside strings
 * becomes U+FFFD, nesting is limited. A syntax error is a position; it never quotes the text, which holds credentials.
 * Nodes say where they stand, so that an edit can leave all other bytes as they are.
 */
import { type ByteString, toByteString, toText } from './byte-string.ts';

/** A part of the document, in bytes; `to` is behind its last byte. */
export interface Span {
  from: number;
  to: number;
}
export type JsonNode = Span &
  (
    | { kind: 'object'; members: JsonMember[] }
    | { kind: 'string'; value: string }
    | { kind: 'array' | 'number' | 'boolean' | 'null' }
  );
export interface JsonMember {
  name: string;
  /** Where its name begins; it ends where its value ends. */
  from: number;
  value: JsonNode;
}
type JsonResult = { ok: true; root: JsonNode } | { ok: false; line: number; column: number };

const MAX_DEPTH = 10_000; // the limit of encoding/json
const SPACE = /[ \t\r\n]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// One step of a string: a run of plain bytes (no control characters), or one escape.
const STRING_STEP = /[ !#-[\]-\xff]+|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const LITERALS = [
  ['true', 'boolean'],
  ['false', 'boolean'],
  ['null', 'null'],
] as const;

class SyntaxAt extends Error {
  readonly position: number;
  constructor(position: number) {
    super('not JSON');
    this.position = position;
  }
}

/** Never throws. `line` and `column` (of bytes) count from 1. */
export function readJson(content: string | Uint8Array): JsonResult {
  const bytes = toByteString(content);
  try {
    return { ok: true, root: parse(bytes) };
  } catch (error) {
    if (!(error instanceof SyntaxAt)) throw error;
    const before = bytes.slice(0, error.position).split('\n');
    return { ok: false, line: before.length, column: (before.at(-1) ?? '').length + 1 };
  }
}

// Without recursion: 10,000 levels are allowed, and the document is not trusted.
function parse(bytes: ByteString): JsonNode {
  let at = 0;
  const open: { node: JsonNode; name: string; from: number }[] = [];

  const token = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(bytes)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  const next = (): string => {
    token(SPACE);
    return bytes.charAt(at);
  };
  const expect = (character: string): void => {
    if (next() !== character) throw new SyntaxAt(at);
    at++;
  };
  const string = (): string => {
    expect('"');
    const start = at;
    while (token(STRING_STEP));
    if (bytes.charAt(at) !== '"') throw new SyntaxAt(at);
    at++;
    return unescape(bytes.slice(start, at - 1));
  };
  const memberName = (): { name: string; from: number } => {
    next();
    const from = at;
    const name = string();
    expect(':');
    return { name, from };
  };
  const scalar = (): JsonNode => {
    const from = at;
    if (bytes.charAt(at) === '"') {
      const value = string();
      return { kind: 'string', value, from, to: at };
    }
    for (const [text, kind] of LITERALS) {
      if (!bytes.startsWith(text, at)) continue;
      at += text.length;
      return { kind, from, to: at };
    }
    if (token(NUMBER) === undefined) throw new SyntaxAt(at);
    return { kind: 'number', from, to: at };
  };

  for (;;) {
    const first = next();
    let done: JsonNode;
    if (first === '{' || first === '[') {
      if (open.length === MAX_DEPTH) throw new SyntaxAt(at);
      const span = { from: at++, to: at };
      const node: JsonNode = first === '{' ? { kind: 'object', members: [], ...span } : { kind: 'array', ...span };
      if (next() !== closer(node)) {
        open.push({ node, ...(first === '{' ? memberName() : { name: '', from: at }) });
        continue;
      }
      node.to = ++at;
      done = node;
    } else {
      done = scalar();
    }
    // A value is complete: add it to its parent, and close all parents that end here.
    for (;;) {
      const parent = open.at(-1);
      const following = next();
      if (parent === undefined) {
        if (at < bytes.length) throw new SyntaxAt(at);
        return done;
      }
      if (parent.node.kind === 'object')
        parent.node.members.push({ name: parent.name, from: parent.from, value: done });
      if (following !== ',' && following !== closer(parent.node)) throw new SyntaxAt(at);
      at++;
      if (following === ',') {
        if (parent.node.kind === 'object') Object.assign(parent, memberName());
        break;
      }
      done = parent.node;
      done.to = at;
      open.pop();
    }
  }
}

function closer(node: JsonNode): string {
  return node.kind === 'object' ? '}' : ']';
}

const SHORT_ESCAPES: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

function unescape(raw: ByteString): string {
  if (!raw.includes('\\')) return toText(raw);
  const text = raw.replace(/\\(u[0-9a-fA-F]{4}|[^])|[^\\]+/g, (plain: string, escape: string | undefined) => {
    if (escape === undefined) return toText(plain);
    if (escape.length > 1) return String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    return SHORT_ESCAPES[escape] ?? escape;
  });
  return text.toWellFormed(); // a lone surrogate becomes U+FFFD, as in Go
}
