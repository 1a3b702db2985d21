/** docs/configuration-reference.md: every key of the configuration, from the program's own JSON Schema. */
import { configurationJsonSchema } from '../src/commands/schema.ts';

interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
}

const HEAD = `# Configuration reference

Every key, made from the program's own schema by \`npm run generate\`: do not edit this page. \`pullpass schema\` prints the schema for editors;
\`pullpass validate FILE\` also checks what a schema cannot, such as names that are used twice. [Configuration](configuration.md) explains the
keys and has examples. **Bold** keys are required.
`;

/** The page, in Markdown. */
export function configurationPage(): string {
  const { properties = {}, required = [] } = configurationJsonSchema() as Schema;
  const { sources, cacheProxies, ...rest } = properties;
  const kinds = variants(cacheProxies?.items ?? {});
  return [
    HEAD,
    section('The document', rows({ properties: rest, required })),
    section('`sources[]`', rows(sources?.items ?? {})),
    '## `cacheProxies[]`\n\nOne of these, by its `kind`. [A page for each product](cache-proxies/README.md).\n',
    ...kinds.map((kind) =>
      section(
        `\`${String(kind.properties?.['kind']?.const)}\``,
        rows(kind),
        `${sentence(kind.properties?.['kind'])}\n\n`,
        '###',
      ),
    ),
  ].join('\n');
}

const section = (title: string, lines: string[], intro = '', level = '##'): string =>
  `${level} ${title}\n\n${intro}| key | value | default | meaning |\n|---|---|---|---|\n${lines.join('\n')}\n`;

const sentence = ({ description = '' }: Schema = {}): string => description;

const variants = ({ anyOf, oneOf, ...schema }: Schema): readonly Schema[] => oneOf ?? anyOf ?? [schema];

/** The rows of an object, and of the objects in it. `isChoice`: its keys are one way among others, so none is required. */
function rows({ properties = {}, required = [] }: Schema, at = '', isChoice = false): string[] {
  return Object.entries(properties).flatMap(([key, schema]) => {
    const path = `${at}${key}`;
    const needed = !isChoice && required.includes(key) && schema.default === undefined;
    const name = needed ? `**\`${path}\`**` : `\`${path}\``;
    const fallback = schema.default === undefined ? '' : `\`${cell(JSON.stringify(schema.default))}\``;
    return [`| ${name} | ${valueOf(schema)} | ${fallback} | ${cell(sentence(schema))} |`, ...below(schema, path)];
  });
}

/** What is in it: the keys of an object, of the items of a list, or of each variant. */
function below(schema: Schema, path: string, isChoice = false): string[] {
  const choices = variants(schema);
  if (choices.length > 1) return [...new Set(choices.flatMap((choice) => below(choice, path, true)))];
  if (schema.properties !== undefined) return rows(schema, `${path}.`, isChoice);
  return schema.items === undefined ? [] : below(schema.items, `${path}[]`);
}

function valueOf(schema: Schema): string {
  const choices = variants(schema);
  if (choices.length > 1) return [...new Set(choices.map(valueOf))].join(' or ');
  if (schema.const !== undefined) return `\`${cell(JSON.stringify(schema.const))}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${cell(JSON.stringify(value))}\``).join(', ');
  if (schema.type === 'array') return `list${schema.maxItems === undefined ? '' : ` of at most ${schema.maxItems}`}`;
  if (schema.type === 'object') return schema.properties === undefined ? 'mapping of names to texts' : 'mapping';
  if (schema.type === 'boolean') return '`true` or `false`';
  if (schema.type !== 'string') {
    const { minimum, maximum } = schema;
    if (minimum === undefined) return 'number';
    return maximum === undefined || maximum === Number.MAX_SAFE_INTEGER
      ? `number from ${minimum}`
      : `number from ${minimum} to ${maximum}`;
  }
  return schema.maxLength === undefined ? 'text' : `text of at most ${schema.maxLength} characters`;
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
