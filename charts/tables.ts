/**
 * Writes what the chart cannot compute, because Helm cannot run our code: the tables of rights and of egress, as YAML that its
 * templates evaluate. And the NetworkPolicy of the kustomize component. `npm run generate`; a test holds the files up to date.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Document, isCollection, isMap, isSeq, visit } from 'yaml';
import { z } from 'zod';
import { objectsWith } from '../src/admission/born-ready.ts';
import { renderNetworkPolicy } from '../src/commands/network-policy-text.ts';
import { REPORT_VIEWER } from '../src/commands/rbac-text.ts';
import { parseConfiguration } from '../src/config/load.ts';
import { ALLOWED, DENIED, SERVICE_ACCOUNTS } from '../src/config/glob.ts';
import type { Configuration } from '../src/config/schema.ts';
import { configurationSchema } from '../src/config/schema.ts';
import { DEFAULT_NAMESPACE } from '../src/names.ts';
import { ADDRESS, ADDRESSES, API_PORTS, DNS_PORTS, REGISTRY_PORT, SERVICES } from '../src/plan/egress.ts';
import type { Reference } from '../src/plan/references.ts';
import { SPREAD } from '../src/plan/listed-rights.ts';
import { RIGHTS } from '../src/plan/rights-table.ts';
import type { Rule } from '../src/plan/rule.ts';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Path -> text. */
export function tables(): Map<string, string> {
  return new Map([
    [
      'charts/pullpass/files/rights.yaml',
      yaml('Every right of the controller, from src/plan/rights-table.ts.', {
        // The roles of an installation in another namespace have it in their names.
        home: DEFAULT_NAMESPACE,
        reportViewer: REPORT_VIEWER,
        // With a list of namespaces, rights on these are in each of it.
        spread: SPREAD,
        rights: rightsWithDefaults(),
      }),
    ],
    [
      'charts/pullpass/files/egress.yaml',
      yaml('Where the controller connects to, from src/plan/egress.ts.', {
        dnsPorts: DNS_PORTS,
        apiPorts: API_PORTS,
        registryPort: REGISTRY_PORT,
        address: ADDRESS,
        services: SERVICES,
        addresses: ADDRESSES,
      }),
    ],
    [
      'charts/pullpass/files/born-ready.yaml',
      yaml(
        'The policy that adds references to new pods, from src/admission/born-ready.ts; the template fills in two expressions.',
        {
          home: DEFAULT_NAMESPACE,
          namespaces: { allow: ALLOWED, deny: DENIED },
          serviceAccounts: SERVICE_ACCOUNTS,
          spec: objectsWith({ admitted: '', wanted: '' }, {}, { version: 'v1', isListed: false })[0].spec,
        },
      ),
    ],
    [
      'manifests/components/networkpolicy/network-policy.yaml',
      renderNetworkPolicy(shippedWithCache(), { namespace: DEFAULT_NAMESPACE }),
    ],
  ]);
}

/** The configuration of the manifests, with the cache proxy that it has as an example. */
export function shippedWithCache(): Configuration {
  const text = readFileSync(path.join(ROOT, 'manifests/config.yaml'), 'utf8').replace(
    /^# cacheProxies:\n(?:# {3}.*\n)+/m,
    (example) => example.replace(/^# /gm, ''),
  );
  const parsed = parseConfiguration(text, 'manifests/config.yaml');
  if (!parsed.ok || parsed.configuration.cacheProxies.length === 0)
    throw new Error('manifests/config.yaml has no cache proxy as an example, or it is not valid');
  return parsed.configuration;
}

/** Values of a chart have no defaults of our schema filled in. */
export function rightsWithDefaults(): Rule[] {
  const schema: Schema = z.toJSONSchema(configurationSchema, { io: 'input' });
  const filled = <T extends object>(text: T): T => {
    if (!('list' in text)) return text;
    const { list, keys } = text as T & Reference;
    const found = defaultOf(
      schema,
      [...list.split('.'), ...keys].filter((key) => key !== ''),
    );
    return typeof found === 'string' ? { ...text, default: found } : text;
  };
  return RIGHTS.map(({ when, apiGroup, resource, name, namespace, ...rule }) => ({
    ...rule,
    when: when.map(filled),
    apiGroup: filled(apiGroup),
    resource: filled(resource),
    ...(name && { name: filled(name) }),
    ...(namespace && { namespace: filled(namespace) }),
  }));
}

interface Schema {
  readonly default?: unknown;
  readonly items?: unknown;
  readonly properties?: unknown;
  readonly anyOf?: unknown;
  readonly oneOf?: unknown;
}

/** Of a field that more than one kind of thing has, the default that they share. */
function defaultOf(schema: Schema, keys: readonly string[]): unknown {
  const found = new Set(within(schema, keys).map((each) => each.default));
  if (found.size > 1) throw new Error(`${keys.join('.')} has more than one default`);
  return [...found][0];
}

function within(schema: Schema, keys: readonly string[]): Schema[] {
  const choices = (schema.anyOf ?? schema.oneOf) as Schema[] | undefined;
  if (choices !== undefined) return choices.flatMap((choice) => within(choice, keys));
  if (schema.items !== undefined && keys.length > 0) return within(schema.items as Schema, keys);
  const [key, ...rest] = keys;
  if (key === undefined) return [schema];
  const property = (schema.properties as Record<string, Schema> | undefined)?.[key];
  return property === undefined ? [] : within(property, rest);
}

/** One line for each part of a row. */
function yaml(what: string, content: object): string {
  const document = new Document(content, { aliasDuplicateObjects: false });
  visit(document, {
    Collection(_, node, ancestors) {
      if (isSeq(node) && node.items.some(isMap) && ancestors.filter(isCollection).length === 1) return;
      if (ancestors.filter(isCollection).length > 2 || !isMap(node)) node.flow = ancestors.length > 1;
    },
  });
  return `# ${what} \`npm run generate\` writes this file: do not edit it.\n${document.toString({ lineWidth: 0, flowCollectionPadding: false })}`;
}
