import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { fetchPackages } from '../../src/debian/packages.ts'
import { readPins } from '../../src/debian/pins.ts'
import { inWorkspace } from '../../src/build/workspace.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The folder with QEMU and its vsock device, or null where nothing can boot. */
    tools: string | null
    /** Of emulated CPUs here: the clock that an image must be made for. */
    emulatedTscKhz: number
  }
}

/** Has everything there that the machines and their images take, once for all tests. Without a piece of it nothing boots, and it is said why. */
export default async function prepare({ provide }: TestProject): Promise<void> {
  const tools = buildMachine()
  const missing = tools === null ? 'see the line above' : await missingPackages()
  if (missing !== null) process.stderr.write(`SKIPPED: nothing boots here, ${missing}\n`)
  provide('tools', missing === null ? tools : null)
  provide('emulatedTscKhz', missing === null ? measureTsc() : 0)
}

function buildMachine(): string | null {
  const { status, stdout } = spawnSync('sh', [inWorkspace('nitro/prepare.sh')], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status === 0) return stdout.trim()
  if (status === 3) return null
  throw new Error('the Nitro machine could not be prepared')
}

function measureTsc(): number {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-tsc-'))
  try {
    execFileSync('gcc', ['-O2', '-o', join(folder, 'tsc-rate'), inWorkspace('nitro/tsc-rate.c')])
    return Number(execFileSync(join(folder, 'tsc-rate'), { encoding: 'utf8' }))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Why the image cannot be made, or null. */
async function missingPackages(): Promise<string | null> {
  try {
    await fetchPackages(readPins())
    return null
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('not to be had')) return error.message
    throw error
  }
}
