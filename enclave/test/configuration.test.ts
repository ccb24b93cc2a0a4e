import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readConfiguration } from '../src/configuration.ts'

const vectors = new URL('../../shared/test/vectors/nitro-attestation/', import.meta.url)
const root = readFileSync(new URL('aws_nitro_root_g1.pem', vectors), 'utf8')
const sealing = {
  provider: 'aws',
  endpoint: 'https://kms.eu-central-1.amazonaws.com',
  region: 'eu-central-1',
  keyArn: 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
  authorities: [root],
}
const ports = { listen: 5000, kms: 8000, metadata: 8001 }
const good = { roots: [root], sealing, ports }
const key = 'ab'.repeat(32)
const release = { keys: [key], quorum: 1, delaySeconds: 604_800, leastSerial: 1 }
const read = (configuration: object) => readConfiguration(JSON.stringify(configuration))

describe('the measured configuration', () => {
  it('is refused by the name of its file, with what is wrong in it', () => {
    const bad = () => readConfiguration(JSON.stringify({ ...good, roots: ['not a certificate'] }), 'some/file.json')
    expect(bad).toThrow(/^some\/file\.json is not the configuration[^]*roots\.0: no certificate/)
    expect(() => readConfiguration('{', 'some/file.json')).toThrow('some/file.json is not JSON')
  })

  it('names the root of AWS Nitro', () => {
    const [pem = ''] = read(good).roots
    const published = '641A0321A3E244EFE456463195D606317ED7CDCC3C1756E09893F3C68F79BB5B'
    expect(new X509Certificate(pem).fingerprint256.replaceAll(':', '')).toBe(published)
  })

  it('names release keys, or nobody whose manifests are taken', () => {
    expect(read({ ...good, release }).release).toEqual(release)
    expect(read(good).release).toBeNull()
  })

  it.each<[string, object]>([
    ['no root', { ...good, roots: [] }],
    ['a root that is no certificate', { ...good, roots: [root.replace('MII', 'MIJ')] }],
    ['a key of another region', { ...good, sealing: { ...sealing, region: 'us-east-1' } }],
    [
      'a key by its alias',
      { ...good, sealing: { ...sealing, keyArn: 'arn:aws:kms:eu-central-1:111122223333:alias/root' } },
    ],
    ['KMS without TLS', { ...good, sealing: { ...sealing, endpoint: 'http://kms.eu-central-1.amazonaws.com' } }],
    ['whatever authority there is', { ...good, sealing: { ...sealing, authorities: [] } }],
    ['the wildcard port', { ...good, ports: { ...ports, listen: 0xffff_ffff } }],
    ['another field', { ...good, debug: true }],
    ['a release key that stands there twice', { ...good, release: { ...release, keys: [key, key] } }],
    ['more release keys wanted than there are', { ...good, release: { ...release, quorum: 2 } }],
    ['no release key wanted', { ...good, release: { ...release, quorum: 0 } }],
    ['release keys and no delay', { ...good, release: { keys: [key], quorum: 1, leastSerial: 1 } }],
  ])('is refused with %s', (_, configuration) => {
    expect(() => read(configuration)).toThrow()
  })
})
