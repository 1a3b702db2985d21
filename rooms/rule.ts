/** Lint rules that check each room of `src` against `picture.ts`: what it may import, and what a pure room must not use. */
import type { Linter, Rule } from 'eslint';
import { builtinModules } from 'node:module';
import { dirname, relative, resolve } from 'node:path';
import { GROUND, roomOf, ROOMS, TYPES_EVERYWHERE } from './picture.ts';

const SRC = resolve(import.meta.dirname, '../src');

const imports: Rule.RuleModule = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      up: '{{from}} must not import {{to}}: each room imports only rooms below it (rooms/picture.ts)',
      foreign: '{{from}} must not import {{to}}: it has no such package (rooms/picture.ts)',
      nowhere: 'this file is in no room: add its folder to rooms/picture.ts',
    },
  },
  create(context) {
    const from = roomOf(relative(SRC, context.filename));
    const room = ROOMS[from];
    const check = (node: Rule.Node): void => {
      const source = 'source' in node ? node.source : undefined;
      const to = source?.type === 'Literal' ? source.value : undefined;
      if (typeof to !== 'string' || room === undefined) return;
      const types =
        ('importKind' in node && node.importKind === 'type') || ('exportKind' in node && node.exportKind === 'type');
      if (!to.startsWith('.')) {
        const allowed = room.packages?.some((name) => to === name || to.startsWith(`${name}/`));
        if (!allowed && !(types && TYPES_EVERYWHERE.includes(to)))
          context.report({ node, messageId: 'foreign', data: { from, to } });
        return;
      }
      const target = roomOf(relative(SRC, resolve(dirname(context.filename), to)));
      const isOpen = target === from || target === 'ground' || room.may.includes(target);
      if (!isOpen && !to.endsWith('package.json'))
        context.report({ node, messageId: 'up', data: { from, to: target } });
    };
    return {
      Program(node) {
        if (room === undefined) context.report({ node, messageId: 'nowhere' });
      },
      ImportDeclaration: check,
      ImportExpression: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
    };
  },
};

/** Node's own modules that do no I/O. Of `crypto`, pure rooms may import only the digest functions. */
const HARMLESS = ['util', 'crypto', 'url', 'path', 'buffer', 'assert'];
const outside = builtinModules.filter(
  (name) => !name.startsWith('_') && !HARMLESS.includes(name.split('/')[0] ?? name),
);
const PURE = 'this room is pure: hand it in';

const pureRules: Linter.RulesRecord = {
  'no-restricted-globals': [
    'error',
    ...['process', 'fetch', 'console', 'performance', 'crypto', 'navigator', 'globalThis', 'WebSocket', 'EventSource'],
    ...[
      'setTimeout',
      'setInterval',
      'setImmediate',
      'queueMicrotask',
      'clearTimeout',
      'clearInterval',
      'clearImmediate',
    ],
  ],
  'no-restricted-properties': [
    'error',
    { object: 'Date', property: 'now', message: PURE },
    { object: 'Math', property: 'random', message: PURE },
    { property: 'localeCompare', message: 'the order depends on the machine: compare code units' },
  ],
  'no-restricted-syntax': [
    'error',
    { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: PURE },
    { selector: "CallExpression[callee.name='Date']", message: PURE },
    { selector: 'MetaProperty', message: PURE },
    { selector: 'ImportExpression', message: PURE },
    { selector: 'CallExpression[callee.property.name=/^toLocale/][arguments.length=0]', message: 'name the locale' },
  ],
  '@typescript-eslint/no-restricted-imports': [
    'error',
    {
      paths: [
        ...outside.flatMap((name) => [name, `node:${name}`]).map((name) => ({ name, message: PURE })),
        ...['crypto', 'node:crypto'].map((name) => ({
          name,
          allowImportNames: ['createHash', 'createHmac'],
          message: PURE,
        })),
      ],
    },
  ],
};

const at = (room: string, file: string): string => (room === 'ground' ? `src/${file}.ts` : `src/${room}/${file}.ts`);

/** For eslint.config.js. */
export const roomRules: Linter.Config[] = [
  { files: ['src/**/*.ts'], plugins: { rooms: { rules: { imports } } }, rules: { 'rooms/imports': 'error' } },
  ...Object.entries(ROOMS).flatMap(([room, { pure, impure = [] }]) => {
    if (pure === undefined) return [];
    const names = pure !== true ? pure : room === 'ground' ? GROUND : ['**/*'];
    return [
      {
        files: names.map((name) => at(room, name)),
        ignores: impure.map((name) => at(room, name)),
        rules: pureRules,
      },
    ];
  }),
];
