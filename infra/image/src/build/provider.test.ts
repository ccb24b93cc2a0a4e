import { readdirSync, readFileSync } from 'node:fs'
import { readConfiguration } from '@quorate/enclave/configuration'
import { describe, expect, it } from 'vitest'
import { readImageProvider, requireProvider } from './provider.ts'

const folder = new URL('../../', import.meta.url)
const examples = readdirSync(folder).filter((name) => /^configuration.*\.example\.json$/.test(name))
const read = (name: string) => readConfiguration(readFileSync(new URL(name, folder), 'utf8'))

describe('HSM_PROVIDER of an image', () => {
  it('is one of five, and the simulator is of local fleets', () => {
    for (const provider of ['aws', 'aws-cloudhsm', 'azure', 'google'])
      expect(readImageProvider(provider)).toBe(provider)
    expect(() => readImageProvider('simulator')).toThrow('make fleet HSM_PROVIDER=simulator')
    expect(() => readImageProvider('gcp')).toThrow(
      'HSM_PROVIDER is one of aws, aws-cloudhsm, azure, google, simulator, and not "gcp"',
    )
  })

  it.each(examples)('has an example in %s, for what its name says', (name) => {
    const provider = /^configuration\.?(.*)\.example\.json$/.exec(name)?.[1] ?? ''
    const meant = readImageProvider(provider === '' ? 'aws' : provider)
    expect(() => requireProvider(read(name), meant)).not.toThrow()
  })

  it('is refused when the configuration seals with another', () => {
    expect(examples).toHaveLength(4)
    expect(() => requireProvider(read('configuration.example.json'), 'azure')).toThrow(
      'HSM_PROVIDER is azure, and the configuration seals with aws',
    )
  })
})
