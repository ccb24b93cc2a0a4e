import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { bytesMessage } from '@quorate/shared/contents/bytes'
import { contentOf, ContentType } from '@quorate/shared/contents/table'
import { hostMethods } from '@quorate/shared/ceremonies/host-methods'
import { refusals } from '@quorate/shared/errors'
import type { Route } from '@quorate/shared/wire/routes/route'
import { routes } from '@quorate/shared/wire/routes/table'
import { toHex } from '@quorate/shared/wire/bytes'
import { describe, expect, it } from 'vitest'

const top = resolve(import.meta.dirname, '../../..')
const read = (path: string): string => readFileSync(join(top, path), 'utf8')
const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...globSync('docs/**/*.md', { cwd: top })]

const readLitestream = read('infra/litestream/litestream.yml')

const advice = 'run: node --conditions=source .ci/docs-tables.js'

/** What stands between two markers of a page. */
function between(page: string, name: string): string {
  const [, rest = ''] = read(page).split(`<!-- ${name}:begin -->\n`)
  const [section = ''] = rest.split(`<!-- ${name}:end -->`)
  return section
}

const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |\n`).join('')

/** The name by which GitHub links to a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')

const anchorsOf = (page: string): string[] =>
  [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading))

describe('the page about the API', () => {
  it('lists every refusal as the table of refusals has it', () => {
    const rows = Object.entries(refusals).map(([code, { status, blame, retry, title }]) => [
      ...[`\`${code}\``, status, blame, retry.replace('_', ' '), title],
    ])
    expect(between('docs/api.md', 'errors'), advice).toBe(
      table(['code', 'status', 'blame', 'try again', 'meaning'], rows),
    )
  })

  it('lists every route as the route table has it', () => {
    const rows = Object.values<Route>(routes).map(({ method, path, summary, wants }) => [
      ...[`\`${method.toUpperCase()} ${path}\``, summary, wants === 'reader' ? 'yes' : ''],
    ])
    expect(between('docs/api.md', 'routes'), advice).toBe(table(['route', 'what it does', 'token'], rows))
  })
})

describe('the page about the protocol', () => {
  it('lists every type of content as its row has it', () => {
    const rows = ContentType.options.map((type) => {
      const { needs, tweaks, alone } = contentOf(type)
      return [`\`${type}\``, needs === 'any' ? 'any' : needs.join(', '), tweaks ? 'yes' : 'no', alone ? 'yes' : 'no']
    })
    const head = ['type', 'signature', 'Taproot output key', 'stands alone']
    expect(between('docs/protocol.md', 'contents'), advice).toBe(table(head, rows))
  })

  it('names what is signed for the bytes of its example', () => {
    expect(read('docs/protocol.md')).toContain(`\`${toHex(bytesMessage('hello'))}\``)
  })
})

describe('the page about the protocol', () => {
  it('has every method of a host in its table, and no other', () => {
    const [, table = ''] = read('docs/protocol.md').split('\n## Messages to an enclave\n')
    const named = table
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .flatMap((line) => [...(line.split(' | ')[0] ?? '').matchAll(/`([^`]+)`/g)].map(([, method = '']) => method))
    expect(named.sort()).toEqual(Object.keys(hostMethods).sort())
  })
})

/** What the sources of these workspaces say, without tests. */
const sources = (...workspaces: string[]): string =>
  workspaces
    .flatMap((workspace) => globSync(`${workspace}/src/**/*.ts`, { cwd: top }))
    .filter((path) => !path.endsWith('.test.ts'))
    .map(read)
    .join('\n')

describe('all pages together', () => {
  const all = [...pages, 'client-sdk/README.md'].map(read).join('\n')

  it('name no metric that the gateway does not have', () => {
    const metrics = new Set([...sources('gateway').matchAll(/'(quorate_[a-z_]+)'/g)].map(([, name]) => name))
    const named = [...all.matchAll(/\bquorate_[a-z_]+/g)].map(([name]) => name.replace(/_(count|sum|bucket)$/, ''))
    expect(named.length).toBeGreaterThan(20)
    expect([...new Set(named.filter((name) => !metrics.has(name)))]).toEqual([])
  })

  it('name no variable that nothing reads', () => {
    const read = sources('gateway', 'client-sdk', 'shared', 'enclave') + readLitestream
    const named = [...all.matchAll(/\bQUORATE_[A-Z_]+[A-Z]\b/g)].map(([name]) => name)
    expect(named.length).toBeGreaterThan(20)
    expect([...new Set(named.filter((name) => !read.includes(name)))]).toEqual([])
  })

  it('name no command of quorate that is not there', () => {
    const commands = new Set([...sources('client-sdk').matchAll(/\.command\('([a-z]+)/g)].map(([, command]) => command))
    const named = [...all.matchAll(/(?:^ *(?:\w+\$ +)?|`)quorate ([a-z]+)\b/gm)].map(([, command]) => command)
    expect(named.length).toBeGreaterThan(30)
    expect([...new Set(named.filter((command) => !commands.has(command)))]).toEqual([])
  })
})

describe('every page', () => {
  it.each(pages)('links to what is there: %s', (page) => {
    const prose = read(page).replaceAll(/^```[\s\S]*?^```/gm, '')
    const targets = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
    const broken = targets.filter((target) => {
      if (/^https?:/.test(target)) return false
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? page : join(dirname(page), path)
      if (!existsSync(join(top, file))) return true
      return anchor !== undefined && !anchorsOf(file).includes(anchor)
    })
    expect(broken).toEqual([])
  })

  it.each(pages)('runs the command of a clone, and fetches none of a name that is not ours: %s', (page) => {
    expect(read(page)).not.toMatch(/\b(npx|npm exec|bunx|pnpm dlx)\s+(-\S+\s+)*quorate\b/)
  })
})

it('the page that compares says yes to nothing without naming a test or a page', () => {
  const rows = read('docs/compared.md').match(/^\| .+ \| (yes|partly)[^|]*\| .+ \|$/gm) ?? []
  expect(rows.length).toBeGreaterThan(20)
  expect(rows.filter((row) => !/\.ts`|\]\(/.test(row.split(' | ')[2] ?? ''))).toEqual([])
})

/**
 * Citations are written as `path/to/x.test.ts`: “name of the test”. Those of `make test-nitro` end with `.nitro.ts`; a suite for
 * several implementations is in `check-x.ts`.
 */
const citedIn = (page: string) =>
  [
    ...read(page).matchAll(/`([\w./-]+(?:\.test|\.nitro|\/check-\w+|\/checks\/\w+)\.ts)`: ((?:“[^”]+”(?:, )?)+)/g),
  ].flatMap(([, file = '', names = '']) =>
    [...names.matchAll(/“([^”]+)”/g)].map(([, name = '']) => [file, name] as const),
  )

describe.each([
  ['docs/threat-model.md', 40],
  ['docs/findings.md', 15],
  ['docs/compared.md', 25],
])('%s', (page, least) => {
  it('cites tests, and only those that are there, by their names', () => {
    const cited = citedIn(page)
    expect(cited.length).toBeGreaterThan(least)
    const missing = cited.filter(([file, name]) => !existsSync(join(top, file)) || !read(file).includes(name))
    expect(missing).toEqual([])
  })
})

it.skipIf(!existsSync(join(top, '.git')))('the page of findings names commits that are there', () => {
  const rows = read('docs/findings.md')
    .split('\n')
    .filter((line) => line.startsWith('| '))
  const commits = rows.flatMap((row) => row.split(' | ')[2]?.match(/\b[0-9a-f]{7}\b/g) ?? [])
  expect(commits.length).toBeGreaterThan(15)
  const isThere = (commit: string) => spawnSync('git', ['cat-file', '-e', commit], { cwd: top }).status === 0
  // A shallow copy of the history has none of them.
  const shallow =
    spawnSync('git', ['rev-parse', '--is-shallow-repository'], { cwd: top }).stdout.toString().trim() === 'true'
  if (!shallow) expect(commits.filter((commit) => !isThere(commit))).toEqual([])
})
