/** The language of templates, such as `{{password|json}}`. */
import type { UpstreamLogin } from '../credentials/upstream.ts';
import { UserError } from '../errors.ts';
import { yamlScalar } from './yaml-scalar.ts';
import { printable } from '../text.ts';

/** What is wrong with a template, in one line; undefined: nothing. */
export function checkTemplate(text: string): string | undefined {
  const parts = parse(text);
  return 'problem' in parts ? parts.problem : undefined;
}

type Text = (login: UpstreamLogin) => string;

const VALUES: Readonly<Record<string, Text>> = {
  registry: ({ registry }) => registry,
  username: ({ username }) => username,
  password: ({ password }) => password,
  auth: ({ username, password }) => base64(`${username}:${password}`),
};
/** `json` and `yaml` write a whole string with its quotes. */
const PIPES: Readonly<Record<string, (text: string) => string>> = {
  json: (text) => JSON.stringify(text),
  base64,
  yaml: yamlScalar,
};

/** `json` doubles each quote and backslash, so a few pipes more would fill the memory. */
const MAX_PIPES = 3;

/** A Secret holds a mebibyte. */
const MAX_WRITTEN = 1024 * 1024;

const USE = 'use {{registry}}, {{username}}, {{password}} or {{auth}}, each with |json, |base64 or |yaml where needed';

/** `where`: the template's name in messages. @throws UserError */
export function compileTemplate(text: string, where: string): Text {
  const parts = parse(text);
  if ('problem' in parts) throw new UserError(`${where}: ${parts.problem}`);
  // One pass: text that comes from a login is never read as a placeholder.
  return (login) => {
    let written = '';
    for (const part of parts) {
      written += part(login);
      if (written.length > MAX_WRITTEN)
        throw new UserError(`${where}: with this login it is larger than a Secret can be: use fewer placeholders`);
    }
    return written;
  };
}

function parse(text: string): Text[] | { problem: string } {
  const parts: Text[] = [];
  let rest = text;
  for (;;) {
    // Of three or more braces the last two count: `{{{registry|json}}` is the first key of a JSON object.
    const start = rest.search(/\{\{(?!\{)/);
    if (start < 0) return [...parts, constant(rest)];
    const end = rest.indexOf('}}', start + 2);
    if (end < 0) return { problem: `"{{" without "}}": ${USE}` };
    const inner = rest.slice(start + 2, end);
    const [name = '', ...pipes] = inner.split('|').map((word) => word.trim());
    const value = own(VALUES, name);
    if (pipes.length > MAX_PIPES)
      return { problem: `a placeholder has more than ${MAX_PIPES} pipes: each can double the text; ${USE}` };
    const steps = pipes.map((pipe) => own(PIPES, pipe));
    if (value === undefined || !steps.every((step) => step !== undefined))
      return { problem: `unknown placeholder "{{${printable(inner.slice(0, 60))}}}": ${USE}` };
    parts.push(constant(rest.slice(0, start)), (login) => steps.reduce((result, step) => step(result), value(login)));
    rest = rest.slice(end + 2);
  }
}

const constant =
  (text: string): Text =>
  () =>
    text;
const own = <T>(table: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
