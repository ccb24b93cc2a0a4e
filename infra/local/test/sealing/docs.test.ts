import { readFileSync } from 'node:fs'
import { SealingConfiguration } from '@quorate/enclave/platform/sealing/configuration'
import { HsmProvider, SealingClaims } from '@quorate/shared/wire/sealing'
import { describe, expect, it } from 'vitest'
import { openMeasured } from './parts.ts'

const page = readFileSync(new URL('../../../../docs/sealing.md', import.meta.url), 'utf8')
const rows = [...page.matchAll(/^\| `([a-z-]+)` \|(.*)\|$/gm)].map(([, name = '', rest = '']) => [name, rest] as const)
const image = new URL('../../../image/', import.meta.url)

describe('the page about sealing', () => {
  it('has every provider in its first table, and no other', () => {
    expect(rows.slice(0, 5).map(([name]) => name)).toEqual(HsmProvider.options)
  })

  it.each(['azure', 'google'])('says of %s what an enclave claims with the example’s configuration', (provider) => {
    const text = readFileSync(new URL(`configuration.${provider}.example.json`, image), 'utf8')
    const { sealing } = JSON.parse(text) as { sealing: unknown }
    const { claims } = openMeasured(SealingConfiguration.parse(sealing), 8000)
    const [, row = ''] = rows.find(([name]) => name === provider) ?? []
    expect(row).toContain(`\`${claims.releasesTo}\``)
    expect(row).toContain(`\`${claims.keyAttestation}\``)
  })

  it('lists the fields that each provider’s configuration has', () => {
    for (const option of SealingConfiguration.options) {
      const provider = option.shape.provider.value
      const row = rows.slice(5, 9).find(([name]) => name === provider)?.[1] ?? ''
      const fields = Object.keys(option.shape).filter((field) => field !== 'provider')
      expect([...row.matchAll(/`(\w+)`/g)].map(([, field]) => field)).toEqual(fields)
    }
  })

  it('uses the words of the wire', () => {
    for (const word of [...SealingClaims.shape.releasesTo.options, ...SealingClaims.shape.keyAttestation.options])
      expect(page).toContain(`\`${word}\``)
  })
})
