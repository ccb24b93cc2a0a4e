import js from '@eslint/js'
import tseslint from 'typescript-eslint'

const events = 'Wait for an event: shared/test/noticing.ts says how. A deadline passes by fake timers.'
const oneSecond = 'This looks for one second only: wait for an event (shared/test/noticing.ts).'
const barrel = 'Import from where it is defined. Only an entry of a package hands names on.'
const whole = 'Write `import * as z`: bundlers leave out what is not used of it, such as 50 languages.'
const small = 'Write `zod/mini`: what pages load is made of it, and it lets bundlers leave out what is not used.'
const nameless = 'The engine names no ceremony and no scheme: what is peculiar to one stands in its course.'

const tests = ['**/*.test.ts', '**/*.nitro.ts', '**/test/**/*.ts', 'infra/nostr/src/{check-signer,checks/*}.ts']
const ofOneKind = '/keygen|refresh|signing|ecdh|frost|musig|ecdsa|schnorr/i'

/** Barrels, and literals that are spread into literals. */
const shapes = [
  { selector: 'ExportAllDeclaration', message: barrel },
  { selector: 'ExportNamedDeclaration[source]', message: barrel },
  {
    selector: 'ObjectExpression > SpreadElement > ObjectExpression',
    message: 'Write the fields into the object itself.',
  },
  {
    selector: "ImportDeclaration[importKind='value'][source.value='zod'] > ImportSpecifier[imported.name='z']",
    message: whole,
  },
]

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
      'max-lines-per-function': ['error', { max: 40, skipBlankLines: true, skipComments: true }],
      'no-restricted-syntax': ['error', ...shapes],
    },
  },
  {
    files: ['client-sdk/src/index.ts', 'client-sdk/src/bunker/index.ts', 'shared/mpc/src/index.ts'],
    rules: { 'no-restricted-syntax': ['error', ...shapes.filter(({ message }) => message !== barrel)] },
  },
  {
    files: ['{shared,client-sdk}/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { name: 'zod', message: small }] },
  },
  {
    files: ['gateway/src/engine/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        ...shapes,
        { selector: `Identifier[name=${ofOneKind}]`, message: nameless },
        { selector: `Literal[value=${ofOneKind}]`, message: nameless },
        { selector: `TemplateElement[value.raw=${ofOneKind}]`, message: nameless },
      ],
    },
  },
  {
    files: ['gateway/src/engine/machine.ts'],
    rules: { 'max-lines': ['error', { max: 250 }] },
  },
  {
    files: ['gateway/src/courses/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: { 'max-lines': ['error', { max: 250 }] },
  },
  {
    files: ['gateway/src/nostr/requests/*.ts'],
    rules: { 'max-lines': ['error', { max: 180 }] },
  },
  {
    files: tests,
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      'max-lines': ['error', { max: 400 }],
      'max-lines-per-function': 'off',
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
    files: ['**/*.js', '**/*.cjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        performance: 'readonly',
        AbortController: 'readonly',
        console: 'readonly',
        Buffer: 'readonly',
        URL: 'readonly',
        module: 'readonly',
      },
    },
  },
  {
    files: ['examples/browser/page.js'],
    languageOptions: {
      globals: {
        crypto: 'readonly',
        document: 'readonly',
        fetch: 'readonly',
        FormData: 'readonly',
      },
    },
  },
)
