import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { schemeNames } from '@quorate/shared/schemes/table'
import { describe, expect, it } from 'vitest'

/*
 * A scheme is named in its row of the table, and where its cryptography is made. Everybody else asks the table: a new scheme does not
 * touch them.
 */
const top = resolve(import.meta.dirname, '../..')
const roots = ['gateway/src', 'enclave/src', 'client-sdk/src', 'shared/party/src'].filter((root) =>
  existsSync(join(top, root)),
)
const named = ['shared/src/schemes/table.ts', 'shared/src/schemes/cryptography.ts']

const namesIn = (text: string): string[] => schemeNames.filter((name) => text.includes(name))

describe('the name of a scheme', () => {
  it.each(roots)('stands in no file of %s', (root) => {
    const files = readdirSync(join(top, root), { recursive: true, encoding: 'utf8' }).filter((path) =>
      path.endsWith('.ts'),
    )
    expect(files.length).toBeGreaterThan(0)
    expect(files.filter((path) => namesIn(readFileSync(join(top, root, path), 'utf8')).length > 0)).toEqual([])
  })

  it.each(named)('stands in %s for every scheme', (path) => {
    expect(namesIn(readFileSync(join(top, path), 'utf8'))).toEqual(schemeNames)
  })
})
