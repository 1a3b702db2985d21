import eslint from '@eslint/js';
import tseslint from 'typescript-eslint';
import { roomRules } from './rooms/rule.ts';

const CLOCK = 'take monotonic, steady or wall of src/clock.ts';

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'node_modules/'] },
  eslint.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // Objects here are closures: there is no `this` to lose.
      '@typescript-eslint/unbound-method': 'off',
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  { files: ['**/*.js'], ignores: ['src/audit/page/browser/*.js'], ...tseslint.configs.disableTypeChecked },
  {
    // The scripts of the report's page share one scope, which their own tsconfig.json knows.
    files: ['src/audit/page/browser/*.js'],
    languageOptions: {
      sourceType: 'script',
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      'no-undef': 'off',
      'no-unused-vars': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { vars: 'local' }],
      'no-console': 'error',
      eqeqeq: 'error',
      'no-restricted-properties': [
        'error',
        ...['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'write'].map((property) => ({
          property,
          message: 'text of others is never markup: use fill()',
        })),
      ],
    },
  },
  {
    files: [
      '*.ts',
      'image/**/*.ts',
      'rooms/**/*.ts',
      'release/**/*.ts',
      'test/sandbox/**/*.ts',
      'test/e2e/**/*.ts',
      'bench/**/*.ts',
    ],
    rules: { 'no-console': 'off' },
  },
  {
    // One composition root: nothing else touches the process.
    files: ['src/**/*.ts'],
    ignores: ['src/main.ts'],
    rules: { 'no-restricted-globals': ['error', 'process'] },
  },
  {
    // The time of day can be set back or forth: src/clock.ts says what each use of a clock needs.
    files: ['src/**/*.ts'],
    ignores: ['src/clock.ts', 'src/log.ts'],
    rules: {
      'no-restricted-properties': ['error', { object: 'Date', property: 'now', message: CLOCK }],
      'no-restricted-syntax': [
        'error',
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: CLOCK },
        { selector: "CallExpression[callee.name='Date']", message: CLOCK },
      ],
    },
  },
  // Which room may import which, and what pure rooms must not touch.
  ...roomRules,
);
