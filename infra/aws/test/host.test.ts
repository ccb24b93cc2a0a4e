import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { readConfig } from '@quorate/gateway/config'
import { describe, expect, it } from 'vitest'
import { renderTemplate } from './support/terraform.ts'

const host = resolve(import.meta.dirname, '../host')
const read = (path: string): string => readFileSync(join(host, path), 'utf8')
const numberOf = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1])

describe('what a host reserves', () => {
  it('is what its enclave asks for', () => {
    const [allocator, unit] = [read('allocator.yaml'), read('systemd/quorate-enclave.service')]
    expect(numberOf(allocator, /^memory_mib: (\d+)$/m)).toBe(numberOf(unit, /--memory (\d+)/))
    expect(numberOf(allocator, /^cpu_count: (\d+)$/m)).toBe(numberOf(unit, /--cpus (\d+)/))
  })

  it('leads an enclave to KMS and to credentials, and nowhere else', () => {
    const allowed = [...read('vsock-proxy.yaml').matchAll(/address: ([^,\s]+), port: (\d+)/g)].map(
      ([, a, p]) => `${a}:${p}`,
    )
    expect(allowed).toEqual(['kms.@REGION@.amazonaws.com:443', '169.254.169.254:80'])
    const proxies = [...read('install-enclave.sh').matchAll(/^proxy \w+ \d+ "?([^" ]+)"? (\d+)$/gm)]
    expect(proxies.map(([, a, p]) => `${a?.replace('$AWS_REGION', '@REGION@')}:${p}`)).toEqual(allowed)
  })

  it('gives an enclave its name, and the ports that are measured into it', () => {
    const project = resolve(host, '../../..')
    const metadata = readFileSync(join(project, 'enclave/src/platform/instance-metadata.ts'), 'utf8')
    expect(metadata).toContain("'tags/instance/quorate-enclave'")
    const example = readFileSync(join(project, 'infra/image/configuration.example.json'), 'utf8')
    const { ports } = JSON.parse(example) as { ports: { listen: number; kms: number; metadata: number } }
    const proxies = [...read('install-enclave.sh').matchAll(/^proxy \w+ (\d+)/gm)].map(([, port]) => Number(port))
    const relayed = numberOf(read('systemd/quorate-relay.service'), /VSOCK-CONNECT:\d+:(\d+)/)
    expect([ports.listen, ports.kms, ports.metadata]).toEqual([relayed, ...proxies])
  })

  it('relays to the CID and port that the enclave has', () => {
    const cid = numberOf(read('systemd/quorate-enclave.service'), /--cid (\d+)/)
    expect(read('systemd/quorate-relay.service')).toContain(`VSOCK-CONNECT:${cid}:5000`)
  })
})

describe('the units', () => {
  const units = globSync('systemd/*', { cwd: host }).map((path) => basename(path))

  it.each(units.filter((unit) => unit.endsWith('.service')))('run without root and gain no privileges: %s', (unit) => {
    expect(read(`systemd/${unit}`)).toMatch(/^(User=quorate(-host)?|DynamicUser=yes)$/m)
    expect(read(`systemd/${unit}`)).toMatch(/^NoNewPrivileges=yes$/m)
  })

  it('are all installed', () => {
    const installed = read('install-enclave.sh') + read('install-gateway.sh')
    for (const unit of units) expect(installed).toContain(unit)
  })
})

describe("the gateway's environment", () => {
  it('is a configuration that the gateway reads', () => {
    const values = {
      secret: 'arn:aws:secretsmanager:x',
      public_url: 'https://sign.example.org',
      region: 'eu-central-1',
    }
    const rest = Object.fromEntries(
      ['artifact_bucket', 'host_key', 'host_sha256', 'release_key', 'release_sha256', 'volume_id'].map((name) => [
        name,
        'x',
      ]),
    )
    const enclaves =
      'enclave-0=tcp:door.elb.eu-central-1.amazonaws.com:5000,enclave-1=tcp:door.elb.eu-central-1.amazonaws.com:5001'
    const script = renderTemplate('modules/gateway/user-data.sh.tftpl', { ...values, ...rest, enclaves })
    const [, lines = ''] = /<<'GATEWAY'\n(.*?)\nGATEWAY/s.exec(script) ?? []
    const env = Object.fromEntries(lines.split('\n').map((line) => line.split(/=(.*)/s, 2) as [string, string]))
    const folder = mkdtempSync(join(tmpdir(), 'quorate-gateway-'))
    try {
      writeFileSync(join(folder, 'storage.key'), 'ab'.repeat(32), { mode: 0o600 })
      const config = readConfig({ ...env, QUORATE_STORAGE_KEY_FILE: join(folder, 'storage.key') })
      expect(config).toMatchObject({
        publicUrl: 'https://sign.example.org',
        trustedProxies: 1,
        database: '/var/lib/quorate/quorate.db',
      })
      expect([...config.enclaves.keys()]).toEqual(['enclave-0', 'enclave-1'])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
