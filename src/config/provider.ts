/** The document of `pullpass provider`, `kind: Provider`: which program is asked for a login, and which Secret gets it. */
import * as z from 'zod';
import { parseGoDuration } from '../credentials/go-duration.ts';
import { parseImage } from '../credentials/image-reference.ts';
import { parseDocument, readDocument, type DocumentForm } from './load.ts';
import { field } from './document.ts';
import { dnsLabel, dnsSubdomain } from './kubernetes-names.ts';
import { LISTS } from './limits.ts';
import { registryKey } from './registry-names.ts';
import { readConfigurationText } from './read-file.ts';
import { CONFIGURATION_API_VERSION } from './schema.ts';
import { yamlValue } from './yaml.ts';

const noNul = (text: string): boolean => !text.includes('\0');
const argument = z.string().max(4096, 'is longer than 4096 characters').refine(noNul, 'has a NUL character');

/** A file in the folder of plugins, and never a path out of it. */
const FILE_NAME = /^[A-Za-z0-9][\w.-]{0,127}$/;
const program = z.string().regex(FILE_NAME, 'is not the name of a file in the folder of plugins: no "/" in it');

const DURATION = 'is not a duration from 10s to 24h, such as "30m" or "1h30m"';
const refreshEvery = z
  .string()
  .transform((text) => parseGoDuration(text))
  .pipe(
    z
      .number(DURATION)
      .min(10_000, DURATION)
      .max(24 * 3_600_000, DURATION),
  );

const shared = {
  args: z.array(argument).max(LISTS.args).default([]).describe('Arguments of the program.'),
  env: z
    .array(
      z.strictObject({
        name: z
          .string()
          .regex(/^[A-Za-z_]\w{0,255}$/, 'is not the name of a variable: letters, digits and "_"')
          .refine((name) => name !== 'PATH', 'is set by Pullpass, to the folder of plugins'),
        value: argument.optional().describe('Unset: the value that the variable has in the pod, if it has one.'),
      }),
    )
    .max(LISTS.env)
    .default([])
    .describe('The variables of the program. It gets these, PATH, and no others.'),
};

const plugin = z.strictObject({
  plugin: program.describe('A credential provider plugin of kubelets, credentialprovider.kubelet.k8s.io/v1.'),
  ...shared,
  image: z
    .string()
    .superRefine((text, ctx) => {
      const message = whyNoImage(text);
      if (message !== undefined) ctx.addIssue({ code: 'custom', message });
    })
    .transform((text) => nameOf(text))
    .describe('The image that the plugin is asked about: its registry and any repository. It need not exist.'),
  serviceAccount: z
    .strictObject({
      tokenFile: z
        .string()
        .regex(/^\/[^\0]{1,1023}$/, 'is not an absolute path')
        .describe('A ServiceAccount token of the audience that the plugin expects: a projected volume keeps it fresh.'),
      annotations: z
        .record(z.string().max(317), argument)
        .default({})
        .describe('What the plugin is told as annotations of the ServiceAccount.'),
    })
    .optional()
    .describe('For plugins that take a ServiceAccount token.'),
  refreshEvery: refreshEvery
    .optional()
    .describe('Ask at the latest after this time. Unset: when half of the life of the login is over.'),
});

const helper = z.strictObject({
  helper: program.describe('A Docker credential helper, such as docker-credential-ecr-login.'),
  ...shared,
  registries: z
    .array(registryKey.refine((key) => !/[*?[\\]/.test(key), 'is a pattern: a helper is asked for one registry'))
    .min(1, 'needs at least one registry')
    .max(LISTS.hosts)
    .refine((list) => new Set(list).size === list.length, 'has a registry twice')
    .describe('The registries that the helper is asked for, and the keys of the Secret.'),
  refreshEvery: refreshEvery.describe('Ask at the latest after this time: helpers do not tell when a login ends.'),
});

export const providerSchema = z.strictObject({
  apiVersion: z.literal(CONFIGURATION_API_VERSION).describe('Version of this format.'),
  kind: z.literal('Provider'),
  secret: z
    .strictObject({ namespace: dnsLabel, name: dnsSubdomain })
    .describe('The Secret that gets the login: the `secret` of a source. Only this provider may write it.'),
  ask: z
    .union(
      [plugin, helper],
      'must have one of "plugin" (a plugin of kubelets) and "helper" (a Docker credential helper)',
    )
    .describe('Which program is asked.'),
});

export type ProviderConfig = z.output<typeof providerSchema>;
export type AskConfig = ProviderConfig['ask'];
export type PluginConfig = Extract<AskConfig, { plugin: string }>;

const PROVIDER_FORM: DocumentForm<ProviderConfig> = { kind: 'Provider', schema: providerSchema };

/** Undefined: the text is a document of another kind. Never throws. */
export function parseProvider(
  text: string,
  fileName: string,
): ReturnType<typeof parseDocument<ProviderConfig>> | undefined {
  return text.includes('Provider') && field(yamlValue(text), 'kind') === PROVIDER_FORM.kind
    ? parseDocument(text, fileName, PROVIDER_FORM)
    : undefined;
}

/** @throws UserError if the file cannot be read; ConfigurationError, one line per problem, if its content is wrong. */
export async function loadProvider(path: string): Promise<ProviderConfig> {
  return readDocument(await readConfigurationText(path), path, PROVIDER_FORM);
}

/** Messages never repeat the value: a login can be in it. */
function whyNoImage(text: string): string | undefined {
  const parsed = parseImage(text);
  if (!parsed.ok)
    return 'is not an image: write it as in a pod, with its registry: registry.example.com/any/repository';
  const [first = '', ...rest] = text.split('/');
  return rest.length === 0 || !/[.:]|^localhost$/.test(first)
    ? 'must name its registry and a repository: registry.example.com/any/repository'
    : undefined;
}

/** As kubelets say it to a plugin: without tag and digest. */
function nameOf(text: string): string {
  const parsed = parseImage(text);
  return parsed.ok ? parsed.image.name : text;
}
