import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeArchive } from '../src/oci/archive.ts'
import { gatewayContents, gatewayRunning } from '../src/oci/gateway.ts'
import { writeTar } from '../src/oci/tar.ts'

const top = resolve(import.meta.dirname, '../../..')
const folder = mkdtempSync(join(tmpdir(), 'quorate-oci-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const untar = (archive: string, into: string) => {
  mkdirSync(into)
  execFileSync('tar', ['-xf', archive, '-C', into])
}

describe('an archive of ours', () => {
  it('is read by tar as it was written: long names, links, modes and owners', () => {
    const long = `${'folder/'.repeat(20)}${'n'.repeat(90)}.txt`
    const contents = Buffer.from('contents')
    const entries = [
      { type: 'file', path: long, mode: 0o640, contents },
      { type: 'link', path: 'link', mode: 0o777, target: 'folder' },
      { type: 'directory', path: 'own', mode: 0o700 },
    ] as const
    writeFileSync(join(folder, 'some.tar'), writeTar(entries, { own: 65_532 }))
    const listed = execFileSync('tar', ['-tvf', join(folder, 'some.tar'), '--numeric-owner'], { encoding: 'utf8' })
    expect(listed).toMatch(/^drwx------ 65532\/65532 +0 1970-01-01 .*own\/$/m)
    expect(listed).toMatch(/^lrwxrwxrwx 0\/0 .* link -> folder$/m)
    expect(listed).toMatch(new RegExp(`^-rw-r----- 0/0 +8 .*${long}$`, 'm'))
    untar(join(folder, 'some.tar'), join(folder, 'some'))
    expect(readFileSync(join(folder, 'some', long))).toEqual(contents)
  })

  it('takes no path that is too long for it', () => {
    const path = 'n'.repeat(101)
    expect(() => writeTar([{ type: 'file', path, mode: 0o644, contents: Buffer.alloc(0) }])).toThrow('too long')
  })
})

type Descriptor = Readonly<{ digest: string; size: number }>

describe('the OCI archive of the gateway', () => {
  const root = join(folder, 'root')
  let config: { config: { Entrypoint: string[]; Cmd: string[]; User: string }; rootfs: { diff_ids: string[] } }
  let manifest: { config: Descriptor; layers: [Descriptor] }
  const blob = ({ digest, size }: Descriptor): Buffer => {
    const bytes = readFileSync(join(folder, 'layout/blobs', digest.replace(':', '/')))
    expect(bytes.length).toBe(size)
    expect(`sha256:${createHash('sha256').update(bytes).digest('hex')}`).toBe(digest)
    return bytes
  }
  beforeAll(async () => {
    const archive = writeArchive(await gatewayContents(top), gatewayRunning('0.1.0'), '0.1.0')
    expect(writeArchive(await gatewayContents(top), gatewayRunning('0.1.0'), '0.1.0').equals(archive)).toBe(true)
    writeFileSync(join(folder, 'gateway.tar'), archive)
    untar(join(folder, 'gateway.tar'), join(folder, 'layout'))
  }, 300_000)

  it('names each blob by its digest, from the index to the layer', () => {
    const read = (path: string) => JSON.parse(readFileSync(join(folder, 'layout', path), 'utf8')) as unknown
    expect(read('oci-layout')).toEqual({ imageLayoutVersion: '1.0.0' })
    const [first] = (read('index.json') as { manifests: [Descriptor] }).manifests
    manifest = JSON.parse(blob(first).toString()) as typeof manifest
    config = JSON.parse(blob(manifest.config).toString()) as typeof config
    blob(manifest.layers[0])
    expect(config.rootfs.diff_ids).toEqual([manifest.layers[0].digest])
    expect(config.config.User).toBe('65532:65532')
    untar(join(folder, 'layout/blobs', manifest.layers[0].digest.replace(':', '/')), root)
  })

  it.skipIf(process.getuid?.() !== 0)('makes a database and serves, with nothing but what is in it', async () => {
    const env = { QUORATE_DATABASE: '/data/quorate.db', QUORATE_STORAGE_KEY_FILE: '/data/storage.key' }
    const [node = ''] = config.config.Entrypoint
    const inside = [`--userspec=${config.config.User}`, root, node]
    execFileSync('/usr/sbin/chroot', [...inside, '/app/gateway/bin/quorate-gateway.js', 'init'], { env })
    const listens = { QUORATE_LISTEN: '127.0.0.1:0', QUORATE_METRICS_LISTEN: '127.0.0.1:0' }
    const gateway = spawn('/usr/sbin/chroot', [...inside, ...config.config.Cmd], {
      env: { ...env, ...listens, QUORATE_ENCLAVES: 'enclave-0=unix:/data/none.sock' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = once(gateway, 'close')
    try {
      for await (const line of createInterface(gateway.stdout)) {
        const { event, url = '' } = JSON.parse(line) as { event: string; url?: string }
        if (event !== 'gateway.listening') continue
        expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ alive: true })
        expect(await (await fetch(`${url}/docs/swagger-ui.css`)).text()).toContain('.swagger-ui')
        break
      }
    } finally {
      gateway.kill('SIGTERM')
      expect(await ended).toEqual([0, null])
    }
  })
})
