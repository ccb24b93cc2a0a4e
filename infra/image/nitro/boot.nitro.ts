import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeForeign } from '@quorate/shared/crypto/cbor'
import { verifyDocument } from '@quorate/shared/attestation/verify'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { makeImage } from '../src/build/make.ts'
import { writeImage, type Registers } from '../src/build/write-image.ts'
import { readLine, startMachine, type Machine } from './support/machine.ts'
import { pollUntil } from '../../../shared/test/poll.js'
import { bundle } from './support/bundle.ts'
import type { Report } from './support/report.ts'

const tools = inject('tools')
const profile = { emulatedTscKhz: inject('emulatedTscKhz') }
const awsRoot = readFileSync(
  new URL('../../../shared/test/vectors/nitro-attestation/aws_nitro_root_g1.pem', import.meta.url),
  'utf8',
)

/** Asks the probe until it listens: a guest tells nobody when it does. */
async function askProbe(machine: Machine): Promise<Report> {
  let line = ''
  await pollUntil(async () => {
    line = await readLine(machine, 5000).catch(() => '')
    return line !== ''
  })
  return JSON.parse(line) as Report
}

describe.skipIf(tools === null)('the enclave image in a Nitro machine', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-boot-'))
  let machine: Machine
  let registers: Registers
  let report: Report
  let started: number
  let answered: number | undefined

  beforeAll(async () => {
    const eif = join(folder, 'probe.eif')
    registers = (await writeImage(await makeImage(bundle('infra/image/nitro/probe.ts'), profile), eif)).registers
    started = performance.now()
    machine = await startMachine({ tools: tools ?? '', eif, folder: join(folder, 'machine'), cid: 16 })
    report = await askProbe(machine)
    answered = performance.now()
  })
  afterAll(async () => {
    process.stderr.write(
      answered === undefined
        ? `the probe does not answer:\n${machine.console()}`
        : `from power to the first answer: ${((answered - started) / 1000).toFixed(1)} s\n`,
    )
    await machine.stop()
    rmSync(folder, { recursive: true })
  })

  it('measures there as it measured here', () => {
    const { 0: pcr0, 1: pcr1, 2: pcr2 } = report.pcrs
    expect({ 0: pcr0, 1: pcr1, 2: pcr2 }).toEqual(registers)
  })

  it('tells its parent that it runs', async () => {
    expect(await machine.heartbeat).toBe(0xb7)
  })

  it('keeps the time of its parent', async () => {
    // Its clock was set, to the second, at power on.
    const before = Date.now()
    const { time } = await askProbe(machine)
    expect(time).toBeGreaterThan(before - 3_000)
    expect(time).toBeLessThan(Date.now() + 3_000)
  })

  it('gives the application no right: another user, no capability, none to gain, nobody else to see', () => {
    expect(report.user).toBe(1000)
    expect(new Set(report.capabilities)).toEqual(new Set(['0000000000000000']))
    expect(report.noNewPrivileges).toBe(true)
    expect(report.processes).toBe(1)
  })

  it('shows the application five devices and its own files, of which it can write none', () => {
    expect(report.devices).toEqual(['nsm', 'null', 'random', 'urandom', 'zero'])
    expect(report.root).toEqual(['app', 'command', 'dev', 'lib64', 'proc', 'tmp', 'usr'])
    expect(report.writes).toEqual({
      '/app/x': 'EROFS',
      '/x': 'EROFS',
      '/dev/x': 'EROFS',
      '/proc/sys/kernel/core_pattern': 'EACCES',
      '/tmp/x': 'allowed: undefined',
    })
  })

  it('has randomness from the module, another each time', async () => {
    const again = await askProbe(machine)
    expect(report.random).toMatch(/^[0-9a-f]{64}$/)
    expect(again.random).not.toBe(report.random)
  })

  it('attests with the same measurements and what it was asked to say, in a document that nobody signed', async () => {
    const document = Buffer.from(report.document, 'base64')
    const [, , payload] = decodeForeign(document[0] === 0xd2 ? document.subarray(1) : document) as Uint8Array[]
    const fields = decodeForeign(payload ?? new Uint8Array()) as Map<string, unknown>
    const pcrs = fields.get('pcrs') as Map<number, Uint8Array>
    for (const index of [0, 1, 2]) expect(Buffer.from(pcrs.get(index) ?? []).toString('hex')).toBe(registers[index])
    expect(
      ['public_key', 'user_data', 'nonce'].map((name) => Buffer.from(fields.get(name) as Uint8Array).toString()),
    ).toEqual(['key', 'data', 'nonce'])
    const policy = { roots: [awsRoot], measurements: [registers] }
    await expect(verifyDocument(document, { policy, nonce: Buffer.from('nonce'), now: Date.now() })).rejects.toThrow(
      /attestation/,
    )
  })
})
