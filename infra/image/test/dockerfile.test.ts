import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { command } from '../src/build/make.ts'

const root = new URL('../../../', import.meta.url)
const text = readFileSync(new URL('Dockerfile.enclave', root), 'utf8')
const instructions = text
  .replaceAll(/\\\n/g, '')
  .split('\n')
  .filter((line) => /^[A-Z]/.test(line))
const starting = (...words: string[]) => instructions.filter((line) => words.includes(line.split(' ')[0]!))
const final = instructions.slice(instructions.findLastIndex((line) => line.startsWith('FROM')))

it('starts from images by digest, from its own stages, and at the end from nothing', () => {
  const stages = starting('FROM').map((line) => / AS (\w+)/.exec(line)?.[1])
  for (const line of starting('FROM').slice(0, -1)) {
    const [, from] = line.split(' ')
    expect(stages.includes(from) || /@sha256:[0-9a-f]{64}$/.test(from!), line).toBe(true)
  }
  expect(final[0]).toBe('FROM scratch')
})

it('runs nothing where the enclave runs: no shell, no build step, not as root', () => {
  expect(final.map((line) => line.split(' ')[0])).toEqual(['FROM', 'COPY', 'USER', 'ENTRYPOINT'])
  expect(final[2]).toBe('USER 1000:1000')
})

it('starts the application with the command that our own image starts', () => {
  expect(JSON.parse(final[3]!.replace('ENTRYPOINT ', ''))).toEqual(command)
})

it('starts Node with nothing that writes what is in its memory: no report, no snapshot, no profile, no inspector', () => {
  expect(command.filter((word) => word.startsWith('-'))).toEqual(['--disable-warning=ExperimentalWarning'])
  expect(starting('ENV').filter((line) => line.includes('NODE_'))).toEqual([])
})

it('installs what the lockfile names, without scripts, and bundles from what production needs', () => {
  const installs = starting('RUN').filter((line) => line.includes('npm '))
  expect(installs).toHaveLength(2)
  for (const line of installs) expect(line).toMatch(/^RUN npm ci .*--ignore-scripts/)
  const build = instructions.slice(instructions.findIndex((line) => line.endsWith('AS build')))
  expect(build.find((line) => line.includes('npm '))).toContain('--omit=dev')
  const fromTools = build.filter((line) => line.includes('--from=tools')).map((line) => line.split('/').at(-1))
  expect(fromTools).toEqual(['esbuild', '@esbuild'])
})

it('copies the manifest of every workspace, or npm ci would not find what the lockfile lists', () => {
  const { workspaces } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { workspaces: string[] }
  for (const workspace of workspaces) expect(instructions).toContain(`COPY ${workspace}/package.json ${workspace}/`)
})

it('copies the bundler with all that it imports of ours', () => {
  const bundler = readFileSync(new URL('infra/local/bundle.js', root), 'utf8')
  const imported = [...bundler.matchAll(/ from '\.\/(.*)'/g)].map(([, name]) => `infra/local/${String(name)}`)
  expect(imported).not.toEqual([])
  expect(instructions).toContain(`COPY infra/local/bundle.js ${imported.join(' ')} infra/local/`)
})

it('copies by name only, and fetches nothing itself', () => {
  for (const line of starting('COPY')) expect(line).not.toMatch(/ \.\/? | \* /)
  expect(starting('ADD')).toEqual([])
  expect(text).not.toMatch(/curl|wget|https?:/)
})
