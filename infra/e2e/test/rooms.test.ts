import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const project = join(import.meta.dirname, '../../..')
const workspaces = (JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as { workspaces: string[] })
  .workspaces

describe('a stranger finds', () => {
  it.each([...workspaces, 'examples'])('in %s a page that says what the room holds', (workspace) => {
    const page = readFileSync(join(project, workspace, 'README.md'), 'utf8')
    expect(page.split('\n')[0]).toMatch(/^# /)
    const named = [...page.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path = '']) =>
      join(project, workspace, path),
    )
    expect(named.filter((path) => !existsSync(path))).toEqual([])
  })

  it('in the page on extending no file that is not there', () => {
    const page = readFileSync(join(project, 'docs/extending.md'), 'utf8')
    const files = [...page.matchAll(/`((?:shared|gateway|client-sdk|enclave|examples|infra)\/[\w./-]+)`/g)].flatMap(
      ([, file]) => file ?? [],
    )
    expect(files.length).toBeGreaterThan(15)
    expect(files.filter((file) => !existsSync(join(project, file)))).toEqual([])
  })
})
