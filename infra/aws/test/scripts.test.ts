import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { TrustPolicy } from '@quorate/shared/attestation/policy'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readPcrs } from '../src/key-policy/image.ts'

const aws = resolve(import.meta.dirname, '..')
const scripts = globSync('{scripts,host}/*.sh', { cwd: aws }).sort()
const pcr = (digit: string): string => digit.repeat(96)

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quorate-aws-'))
  mkdirSync(join(folder, 'bin'))
  copyFileSync(join(aws, 'test/support/fake-nitro-cli.sh'), join(folder, 'bin/nitro-cli'))
  chmodSync(join(folder, 'bin/nitro-cli'), 0o755)
  writeFileSync(of('image.eif'), 'a')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const of = (name: string): string => join(folder, name)
const env = (more: Readonly<Record<string, string>> = {}) => ({
  ...process.env,
  PATH: `${of('bin')}:${process.env['PATH'] ?? ''}`,
  FAKE_NITRO: folder,
  QUORATE_WATCH_SECONDS: '0.1',
  ...more,
})

function run(script: string, args: readonly string[] = [], more: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync('sh', [join(aws, script), ...args], { encoding: 'utf8', env: env(more) })
  return { status, stdout, stderr }
}
const calls = (): string[] => readFileSync(of('calls'), 'utf8').trim().split('\n')
/** A command that stands before others on the PATH. */
function put(name: string, body: string): void {
  writeFileSync(of(`bin/${name}`), `#!/bin/sh\n${body}\n`, { mode: 0o755 })
}

describe('every script', () => {
  it.each(scripts)('stops at the first error and explains itself: %s', (script) => {
    const text = readFileSync(join(aws, script), 'utf8')
    expect(text.startsWith('#!/bin/sh\n')).toBe(true)
    expect(text).toMatch(/^set -eu$/m)
    const help = run(script, ['--help'])
    expect(help.status).toBe(0)
    expect(help.stdout).toContain(basename(script))
  })

  it.each(scripts.filter((script) => script.startsWith('scripts/')))(
    'refuses an option that it does not have: %s',
    (script) => {
      expect(run(script, ['--debug-mode'])).toMatchObject({ status: 1, stdout: '' })
    },
  )
})

describe('measure.sh', () => {
  it('prints what key policy and trust file take', () => {
    const measured = run('scripts/measure.sh', ['--eif', of('image.eif')])
    const pcrs: unknown = JSON.parse(measured.stdout)
    expect(pcrs).toEqual({ 0: pcr('a'), 1: pcr('b'), 2: pcr('c') })
    expect(readPcrs(pcrs)).toEqual(pcrs)
    expect(TrustPolicy.shape.measurements.safeParse([pcrs]).success).toBe(true)
  })

  it('refuses an image with a register that is zero or not SHA-384', () => {
    writeFileSync(of('image.eif'), '0')
    expect(run('scripts/measure.sh', ['--eif', of('image.eif')])).toMatchObject({ status: 1, stdout: '' })
    writeFileSync(of('image.eif'), 'short')
    expect(run('scripts/measure.sh', ['--eif', of('image.eif')]).stderr).toContain('PCR0 is not 48 bytes')
  })
})

describe('sign.sh', () => {
  const sign = () => run('scripts/sign.sh', ['--eif', of('image.eif'), '--key', of('key'), '--certificate', of('crt')])
  beforeEach(() => {
    writeFileSync(of('key'), '')
    writeFileSync(of('crt'), '')
  })

  it('adds PCR8, leaves the others, and may be run again', () => {
    const signed = JSON.stringify({ 0: pcr('a'), 1: pcr('b'), 2: pcr('c'), 8: pcr('d') })
    expect(JSON.stringify(JSON.parse(sign().stdout))).toBe(signed)
    expect(JSON.stringify(JSON.parse(sign().stdout))).toBe(signed)
  })

  it('leaves the image as it was when signing fails', () => {
    writeFileSync(of('sign-fails'), '')
    expect(sign().status).not.toBe(0)
    expect(readFileSync(of('image.eif'), 'utf8')).toBe('a')
    expect(globSync('image.eif.*', { cwd: folder })).toEqual([])
  })
})

describe('run.sh', () => {
  const start = (...args: string[]) => run('scripts/run.sh', ['--eif', of('image.eif'), ...args])

  it('starts the enclave once, and never in debug mode', () => {
    expect(start().stdout).toContain('started with CID 16')
    expect(start().stdout).toContain('it runs already')
    const started = calls().filter((call) => call.startsWith('run-enclave'))
    expect(started.length).toBe(1)
    expect(started[0]).not.toContain('debug')
  })

  it('touches no other enclave: one of another image, or one in debug mode', () => {
    writeFileSync(of('enclave'), 'e')
    expect(start()).toMatchObject({ status: 1 })
    writeFileSync(of('enclave'), 'a')
    writeFileSync(of('debug'), '')
    expect(start()).toMatchObject({ status: 1 })
    expect(calls().some((call) => /^(run|terminate)-enclave/.test(call))).toBe(false)
  })

  it.each(['0', '1', '2', '3', 'x', '-1'])('refuses the CID %s', (cid) => {
    expect(start('--cid', cid).status).toBe(1)
    expect(existsSync(of('enclave'))).toBe(false)
  })

  it('watches until the enclave is gone', async () => {
    const args = [join(aws, 'scripts/run.sh'), '--eif', of('image.eif'), '--watch']
    const watching = spawn('sh', args, { env: env(), stdio: ['ignore', 'pipe', 'ignore'] })
    const ended = new Promise<number | null>((done) => watching.once('exit', done))
    await new Promise((done) => watching.stdout.once('data', done))
    rmSync(of('enclave'))
    expect(await ended).toBe(1)
  })
})

describe('stop.sh', () => {
  it('stops what runs, and takes nothing to stop for done', () => {
    writeFileSync(of('enclave'), 'a')
    expect(run('scripts/stop.sh').stdout).toContain('stopped')
    expect(run('scripts/stop.sh')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('nothing runs') as string,
    })
  })
})

describe('build.sh', () => {
  it('leaves an image with its measurements, or what was there before', () => {
    put('docker', 'exit 0')
    writeFileSync(of('Dockerfile'), '')
    put(
      'nitro-cli',
      `[ "$1" != build-enclave ] || { printf a >"$5"; exit 0; }\nexec sh ${aws}/test/support/fake-nitro-cli.sh "$@"`,
    )
    const args = ['--out', of('out'), '--dockerfile', of('Dockerfile'), '--context', folder]
    expect(run('scripts/build.sh', args).stdout).toContain('built')
    const before = readFileSync(of('out/pcrs.json'), 'utf8')
    put('docker', 'exit 1')
    expect(run('scripts/build.sh', args).status).toBe(1)
    expect(readFileSync(of('out/pcrs.json'), 'utf8')).toBe(before)
    expect(globSync('.draft*', { cwd: of('out') })).toEqual([])
  })
})

describe('package-host.sh', () => {
  it('makes the same file each time', () => {
    const [first, second] = ['1.tar.gz', '2.tar.gz'].map(
      (name) => run('scripts/package-host.sh', ['--out', of(name)]).stdout,
    )
    expect(first).toMatch(/^[0-9a-f]{64}\n$/)
    expect(second).toBe(first)
  })
})

describe('a host', () => {
  it('says with its heartbeat whether an enclave runs outside debug mode', () => {
    put('aws', `echo "$@" >>${of('aws-calls')}`)
    const beat = () => {
      run('host/heartbeat.sh', [], { QUORATE_ENCLAVE_ID: 'enclave-0', AWS_REGION: 'eu-central-1' })
      return readFileSync(of('aws-calls'), 'utf8').trim().split('\n').at(-1)
    }
    expect(beat()).toContain('--dimensions Enclave=enclave-0 --value 0')
    writeFileSync(of('enclave'), 'a')
    expect(beat()).toContain('--value 1')
    writeFileSync(of('debug'), '')
    expect(beat()).toContain('--value 0')
  })

  it('keeps the storage key for its reader alone, and takes nothing else for one', () => {
    put('chown', 'exit 0')
    const fetchKey = (secret: string) => {
      put('aws', `echo '${secret}'`)
      const more = { STORAGE_KEY_SECRET: 'x', AWS_REGION: 'eu-central-1', QUORATE_RUN_FOLDER: folder }
      return run('host/fetch-storage-key.sh', [], more)
    }
    expect(fetchKey('not a key').status).toBe(1)
    expect(existsSync(of('storage.key'))).toBe(false)
    expect(fetchKey('ab'.repeat(32)).status).toBe(0)
    expect(spawnSync('stat', ['-c', '%a', of('storage.key')], { encoding: 'utf8' }).stdout.trim()).toBe('600')
    expect(globSync('.storage.key.*', { cwd: folder })).toEqual([])
  })

  it('makes a database on a volume that was just formatted, and nowhere else', () => {
    const gateway = of('gateway')
    mkdirSync(join(gateway, 'node_modules/.bin'), { recursive: true })
    const node = join(gateway, 'node_modules/.bin/node')
    writeFileSync(node, `#!/bin/sh\necho "$@" >>${of('node-calls')}\necho made >"$QUORATE_DATABASE"\n`, { mode: 0o755 })
    mkdirSync(of('volume'))
    const database = of('volume/quorate.db')
    const init = () => {
      const more = {
        QUORATE_DATABASE: database,
        QUORATE_STORAGE_KEY_FILE: of('storage.key'),
        QUORATE_GATEWAY_FOLDER: gateway,
      }
      expect(run('host/init-database.sh', [], more).status).toBe(0)
      return existsSync(database)
    }
    expect(init()).toBe(false)
    writeFileSync(of('volume/new'), '')
    expect(init()).toBe(true)
    expect(readFileSync(of('node-calls'), 'utf8')).toBe(`${gateway}/gateway/bin/quorate-gateway.js init\n`)
    expect(existsSync(of('volume/new'))).toBe(false)
    rmSync(database)
    expect(init()).toBe(false)
  })
})
