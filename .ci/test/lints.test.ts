import { join, resolve } from 'node:path'
import { ESLint } from 'eslint'
import tseslint from 'typescript-eslint'
import { describe, expect, it } from 'vitest'

/*
 * Our own lints, each against somebody who does what it forbids: a rule whose pattern matches nothing says nothing either. The files
 * need not be there. Types are not looked at, which takes a tenth of the time.
 */
type Offender = Readonly<{ rule: string; path: string; text: string; message: string }>

const offenders: readonly Offender[] = [
  {
    rule: 'no-restricted-imports',
    path: 'gateway/test/offender.test.ts',
    text: "import { setTimeout as sleep } from 'node:timers/promises'\nawait sleep(50)\n",
    message: 'Wait for an event',
  },
  {
    rule: 'no-restricted-syntax',
    path: 'infra/e2e/test/support/offender.ts',
    text: 'await new Promise((resolve) => setTimeout(resolve, 50))\n',
    message: 'Wait for an event',
  },
  {
    rule: 'no-restricted-syntax',
    path: 'client-sdk/test/offender.test.ts',
    text: 'setTimeout(() => stop.abort(), 20)\n',
    message: 'Wait for an event',
  },
  {
    rule: 'no-restricted-syntax',
    path: 'infra/image/nitro/offender.nitro.ts',
    text: 'await expect.poll(() => things.length).toBe(1)\n',
    message: 'for one second',
  },
  {
    rule: 'no-restricted-syntax',
    path: 'infra/nostr/src/checks/offender.ts',
    text: 'await new Promise((resolve) => setTimeout(resolve, 50))\n',
    message: 'Wait for an event',
  },
  {
    rule: 'no-restricted-syntax',
    path: 'shared/src/wire/offender.test.ts',
    text: 'await vi.waitFor(() => things.length === 1)\n',
    message: 'for one second',
  },
  {
    rule: 'max-lines',
    path: 'shared/test/offender.test.ts',
    text: '// a comment counts\n\n'.repeat(201),
    message: 'Maximum allowed is 400',
  },
]

const engine = 'gateway/src/engine'
const nameless = 'names no ceremony and no scheme'
const lines = (count: number) => 'export const x = 1\n'.repeat(count)
const longFunction = `export function long() {\n${'  work()\n'.repeat(40)}}\n`
const structure: readonly Offender[] = [
  { rule: 'no-restricted-syntax', path: `${engine}/offender.ts`, text: "const kind = 'keygen'\n", message: nameless },
  { rule: 'no-restricted-syntax', path: `${engine}/offender.ts`, text: 'const frost = 1\n', message: nameless },
  {
    rule: 'no-restricted-syntax',
    path: `${engine}/offender.ts`,
    text: 'call(`signing.${round}`)\n',
    message: nameless,
  },
  { rule: 'max-lines', path: `${engine}/machine.ts`, text: lines(251), message: 'Maximum allowed is 250' },
  { rule: 'max-lines', path: 'gateway/src/courses/offender.ts', text: lines(251), message: 'Maximum allowed is 250' },
  { rule: 'max-lines', path: 'enclave/src/offender.ts', text: lines(301), message: 'Maximum allowed is 300' },
  {
    rule: 'max-lines-per-function',
    path: 'shared/src/offender.ts',
    text: longFunction,
    message: 'too many lines (42)',
  },
  {
    rule: 'no-restricted-syntax',
    path: 'client-sdk/src/offender.ts',
    text: "export * from './key.ts'\n",
    message: 'Import from where it is defined',
  },
  {
    rule: 'no-restricted-syntax',
    path: 'enclave/src/offender.ts',
    text: "export { x } from './boot.ts'\n",
    message: 'Import from where it is defined',
  },
  {
    rule: 'no-restricted-syntax',
    path: 'infra/local/src/offender.ts',
    text: 'const it = { ...{ a, b }, c }\n',
    message: 'into the object itself',
  },
  { rule: 'no-console', path: 'enclave/src/offender.ts', text: "console.log('a share')\n", message: 'console' },
]

const top = resolve(import.meta.dirname, '../..')
const eslint = new ESLint({
  cwd: top,
  overrideConfigFile: join(top, 'eslint.config.js'),
  overrideConfig: [{ files: ['**/*.ts'], ...tseslint.configs.disableTypeChecked }],
})

describe('a lint of ours', { timeout: 60_000 }, () => {
  it.each([...offenders, ...structure])('$rule catches who does it in $path', async ({ rule, path, text, message }) => {
    const results = await eslint.lintText(text, { filePath: join(top, path) })
    const said = results.flatMap(({ messages }) => messages).filter(({ ruleId }) => ruleId === rule)
    expect(said.map((one) => one.message)).toEqual([expect.stringContaining(message)])
  })
})
