import js from '@eslint/js'
import tseslint from 'typescript-eslint'

const events = 'Wait for an event: shared/test/noticing.ts says how. A deadline passes by fake timers.'
const oneSecond = 'This looks for one second only: wait for an event (shared/test/noticing.ts).'

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '**/target/**'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ['vitest.config.ts'] } } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'no-console': 'error',
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ['**/*.test.ts', '**/test/**/*.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  {
    files: ['**/*.test.ts', '**/*.nitro.ts', '**/test/**/*.ts'],
    rules: {
      'max-lines': ['error', { max: 400, skipBlankLines: false, skipComments: false }],
      'no-restricted-imports': [
        'error',
        { paths: [{ name: 'node:timers/promises', importNames: ['setTimeout', 'setInterval'], message: events }] },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: "CallExpression[callee.name='setTimeout']", message: events },
        { selector: "MemberExpression[object.name='expect'][property.name='poll']", message: oneSecond },
        { selector: "MemberExpression[object.name='vi'][property.name=/^wait(For|Until)$/]", message: oneSecond },
      ],
    },
  },
  {
    files: ['gateway/test/coordinator.test.ts', 'gateway/test/fake-enclaves.ts', 'gateway/test/http/**/*.ts'],
    rules: { 'max-lines': 'off', 'no-restricted-imports': 'off', 'no-restricted-syntax': 'off' },
  },
  {
    files: ['**/*.js', '**/*.cjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        performance: 'readonly',
        console: 'readonly',
        Buffer: 'readonly',
        URL: 'readonly',
        module: 'readonly',
      },
    },
  },
)
