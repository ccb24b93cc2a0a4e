import { execFile, execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { Quorate, type TrustPolicy } from '@quorate/client'
import { afterAll, describe, expect, it } from 'vitest'
import { version } from '../src/build/workspace.ts'
import { writeArchive } from '../src/oci/archive.ts'
import { contentsOf, runningOf, type CompositionName } from '../src/oci/compositions.ts'
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
type Config = Readonly<{ Entrypoint: [string]; Cmd: string[]; Env: string[]; User: string }>
const names = ['gateway', 'simulator'] as const
const asRoot = process.getuid?.() === 0

/** Unpacks an archive as a container engine does, and gives where its root is and what is to be run in it. */
async function unpacked(name: CompositionName): Promise<{ root: string; config: Config }> {
  const layout = join(folder, name)
  const archive = writeArchive(await contentsOf(top, name), runningOf(name, '0.1.0'), '0.1.0')
  expect(writeArchive(await contentsOf(top, name), runningOf(name, '0.1.0'), '0.1.0').equals(archive)).toBe(true)
  writeFileSync(`${layout}.tar`, archive)
  untar(`${layout}.tar`, layout)
  const read = (path: string) => JSON.parse(readFileSync(join(layout, path), 'utf8')) as unknown
  const blobOf = ({ digest, size }: Descriptor): Buffer => {
    const bytes = readFileSync(join(layout, 'blobs', digest.replace(':', '/')))
    expect(bytes.length).toBe(size)
    expect(`sha256:${createHash('sha256').update(bytes).digest('hex')}`).toBe(digest)
    return bytes
  }
  expect(read('oci-layout')).toEqual({ imageLayoutVersion: '1.0.0' })
  const [first] = (read('index.json') as { manifests: [Descriptor] }).manifests
  const manifest = JSON.parse(blobOf(first).toString()) as { config: Descriptor; layers: [Descriptor] }
  const { config, rootfs } = JSON.parse(blobOf(manifest.config).toString()) as {
    config: Config
    rootfs: { diff_ids: string[] }
  }
  const [layer] = manifest.layers
  blobOf(layer)
  expect(rootfs.diff_ids).toEqual([layer.digest])
  const root = `${layout}-root`
  untar(join(layout, 'blobs', layer.digest.replace(':', '/')), root)
  // What an engine adds by itself.
  writeFileSync(join(root, 'etc/hosts'), '127.0.0.1 localhost\n')
  if (asRoot) execFileSync('mknod', ['-m', '666', join(root, 'dev/null'), 'c', '1', '3'])
  return { root, config }
}

/** With nothing but what is in the archive, as the user that it names. */
function inside({ root, config }: Readonly<{ root: string; config: Config }>, env: Readonly<Record<string, string>>) {
  const settings = Object.fromEntries(config.Env.map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]))
  const options = { env: { ...settings, ...env } }
  const args = (command: readonly string[]) => [`--userspec=${config.User}`, root, ...config.Entrypoint, ...command]
  return {
    run: async (...command: string[]): Promise<string> =>
      (await promisify(execFile)('/usr/sbin/chroot', args(command), options)).stdout,
    start: () => spawn('/usr/sbin/chroot', args(config.Cmd), { ...options, stdio: ['ignore', 'pipe', 'inherit'] }),
  }
}

/** Uses a program from the line on that `ready` reads, and ends it as an engine does. */
async function whileRunning(
  program: ReturnType<ReturnType<typeof inside>['start']>,
  ready: (line: string) => string | undefined,
  use: (url: string) => Promise<void>,
): Promise<void> {
  const ended = once(program, 'close')
  try {
    for await (const line of createInterface(program.stdout)) {
      const url = ready(line)
      if (url === undefined) continue
      await use(url)
      break
    }
  } finally {
    program.stdout.resume()
    program.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  }
}

describe('the OCI archives', () => {
  const archives: Partial<Record<CompositionName, Awaited<ReturnType<typeof unpacked>>>> = {}
  it.each(names)(
    'of the %s names each blob by its digest, from the index to the layer',
    async (name) => {
      archives[name] = await unpacked(name)
      expect(archives[name].config.User).toBe('65532:65532')
    },
    300_000,
  )

  it('are what the compose file runs: image, port and volume', () => {
    const compose = readFileSync(join(top, 'infra/local/compose.yaml'), 'utf8')
    const { Labels, ExposedPorts, Volumes } = runningOf('simulator', version)
    const [port = ''] = Object.keys(ExposedPorts).map((name) => name.replace('/tcp', ''))
    expect(compose).toContain(`image: ${Labels['org.opencontainers.image.title']}:${version}\n`)
    expect(compose).toContain(`'127.0.0.1:${port}:${port}'`)
    expect(compose).toContain(`'fleet:${Object.keys(Volumes)[0]}'`)
  })

  it.runIf(asRoot)('has a gateway that makes a database and serves', async () => {
    const { run, start } = inside(archives.gateway!, {
      ...{ QUORATE_LISTEN: '127.0.0.1:0', QUORATE_METRICS_LISTEN: '127.0.0.1:0' },
      QUORATE_ENCLAVES: 'enclave-0=unix:/data/none.sock',
    })
    await run('/app/gateway/bin/quorate-gateway.js', 'init')
    const listening = (line: string): string | undefined => {
      const { event, url } = JSON.parse(line) as { event: string; url?: string }
      return event === 'gateway.listening' ? url : undefined
    }
    await whileRunning(start(), listening, async (url) => {
      expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ alive: true })
      expect(await (await fetch(`${url}/docs/swagger-ui.css`)).text()).toContain('.swagger-ui')
    })
  })

  it.runIf(asRoot)('has a fleet in which a key is made and signs, from inside and from outside', async () => {
    const { run, start } = inside(archives.simulator!, { HOST: '127.0.0.1', PORT: '0' })
    await whileRunning(
      start(),
      (line) => /ready\S* \S*?(http:[\w.:/]+)/.exec(line)?.[1],
      async (url) => {
        const trust = join(archives.simulator!.root, 'data/trust.json')
        const outside = new Quorate({ gateway: url, trust: JSON.parse(readFileSync(trust, 'utf8')) as TrustPolicy })
        for (const { enclaveId } of await outside.enclaves()) await outside.attest(enclaveId)
        const asked = ['--gateway', url, '--trust', '/data/trust.json', '--home', '/data/people']
        expect(await run('/app/client-sdk/bin/quorate.js', 'demo', ...asked)).toContain(
          'verified, and nobody ever had the key',
        )
      },
    )
  })
})
