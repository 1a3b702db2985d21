/** Checks requests and answers against Harbor's published API (Swagger 2.0). */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Call, Reply } from './server.ts';

interface Parameter {
  $ref?: string;
  name?: string;
  in?: string;
  type?: string;
  required?: boolean;
  maximum?: number;
  schema?: object;
}
interface Response {
  $ref?: string;
  schema?: object;
}
interface Operation {
  parameters?: Parameter[];
  responses: Record<string, Response>;
}
interface Document {
  basePath: string;
  paths: Record<string, Record<string, Operation>>;
  definitions: Record<string, object>;
  parameters: Record<string, Parameter>;
  responses: Record<string, Response>;
}

/** What is wrong with an exchange, in words; empty: it keeps to the contract. */
export type Contract = (call: Call, reply: Reply) => string[];

/** What Harbor's source does (`CreateProject` forbids) and its contract leaves out. */
const UNDOCUMENTED = ['POST /api/v2.0/projects 403'];

const FILE = fileURLToPath(new URL('../../../../shared/contracts/harbor-api-v2.0.swagger.yaml', import.meta.url));

/** Undefined: the contract is not on this machine; that is reported once. */
export function harborContract(): Contract | undefined {
  if (existsSync(FILE)) return contractOf(parse(readFileSync(FILE, 'utf8')) as Document);
  console.warn("Harbor's contract is skipped: ../shared/contracts/harbor-api-v2.0.swagger.yaml is not there.");
  return undefined;
}

function contractOf(document: Document): Contract {
  const definitions = Object.fromEntries(
    Object.entries(document.definitions).map(([name, schema]) => [name, strict(schema)]),
  );
  const judges = new Map<object, z.ZodType>();
  const problems = (schema: object, value: unknown, where: string): string[] => {
    const judge =
      judges.get(schema) ??
      z.fromJSONSchema(Object.assign({ definitions }, strict(schema)), { defaultTarget: 'draft-7' });
    judges.set(schema, judge);
    return (judge.safeParse(value).error?.issues ?? []).map(
      (issue) => `${where} ${issue.path.join('.')}: ${issue.message}`,
    );
  };
  const parameter = (given: Parameter): Parameter =>
    given.$ref === undefined ? given : (document.parameters[given.$ref.split('/').pop() ?? ''] ?? given);
  const response = (given: Response): Response =>
    given.$ref === undefined ? given : (document.responses[given.$ref.split('/').pop() ?? ''] ?? given);

  return (call, reply) => {
    const what = `${call.method} ${call.path}`;
    const operation = find(document, call);
    if (operation === undefined) return [`${what}: not in the contract`];
    const parameters = (operation.parameters ?? []).map(parameter);
    const wrong: string[] = [];
    for (const [name, value] of call.query) {
      const known = parameters.find((candidate) => candidate.in === 'query' && candidate.name === name);
      if (known === undefined) wrong.push(`${what}: unknown query parameter ${name}`);
      else if (known.type === 'integer' && !(/^\d+$/.test(value) && Number(value) <= (known.maximum ?? Infinity)))
        wrong.push(`${what}: query ${name} is not an integer in range`);
      else if (known.type === 'boolean' && !/^(true|false)$/.test(value))
        wrong.push(`${what}: query ${name} is not a boolean`);
    }
    const body = parameters.find((candidate) => candidate.in === 'body');
    if (body?.schema !== undefined)
      wrong.push(...problems(body.schema, call.body === '' ? undefined : JSON.parse(call.body), `${what}: body`));
    else if (call.body !== '') wrong.push(`${what}: a body where none is known`);
    const answer = operation.responses[String(reply.status)];
    if (answer === undefined && UNDOCUMENTED.includes(`${what} ${reply.status}`)) return wrong;
    if (answer === undefined) wrong.push(`${what}: status ${reply.status} is not in the contract`);
    else if (reply.body !== undefined)
      wrong.push(
        ...problems(response(answer).schema ?? { type: 'null' }, reply.body, `${what}: answer ${reply.status}`),
      );
    return wrong;
  };
}

function find({ basePath, paths }: Document, { method, path }: Call): Operation | undefined {
  if (!path.startsWith(`${basePath}/`)) return undefined;
  const below = path.slice(basePath.length);
  // A path without placeholders comes before one with.
  const template =
    below in paths
      ? below
      : Object.keys(paths).find((key) =>
          new RegExp(`^${key.replace(/\{\w+_id\}|\{id\}/g, '\\d+').replace(/\{[^}]+\}/g, '[^/]+')}$`).test(below),
        );
  return template === undefined ? undefined : paths[template]?.[method.toLowerCase()];
}

/** JSON Schema of a Swagger schema or of a part of one, in which a property that the contract does not name is wrong: a misspelt one would be ignored. */
function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { 'x-nullable': nullable, description: _d, example: _e, ...rest } = schema as Record<string, unknown>;
  // Beside a $ref, other keys mean nothing.
  if (typeof rest['$ref'] === 'string') return { $ref: rest['$ref'] };
  const properties = rest['properties'];
  const copy: Record<string, unknown> = Object.fromEntries(
    Object.entries(rest)
      .filter(([key]) => !key.startsWith('x-') && key !== 'format')
      .map(([key, value]) => [key, key === 'properties' ? value : strict(value)]),
  );
  if (typeof properties === 'object' && properties !== null) {
    copy['properties'] = Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, strict(value)]));
    copy['additionalProperties'] ??= false;
  }
  return nullable === true ? { anyOf: [copy, { type: 'null' }] } : copy;
}
