import { expect } from 'vitest'
import { readModule } from '../src/load.ts'
import { bindMpc, type Mpc } from '../src/index.ts'
import { createCall, type Ports } from '../src/instance.ts'

const module = await readModule()

type Seen = { ended: Buffer; wiped: Buffer }

type LeavesNothing = <T>(call: () => T, secrets: (result: T) => Uint8Array[]) => T

/** The module's memory around its last call. */
export function watched(ports: Ports = {}): { mpc: Mpc; seen: Seen; leavesNothing: LeavesNothing } {
  const seen: Seen = { ended: Buffer.alloc(0), wiped: Buffer.alloc(0) }
  const observe: Ports['observe'] = (memory, moment) => (seen[moment] = Buffer.from(memory))

  /** Runs `call`; its secrets were in memory when it ended, and are not afterwards, nor is anything else. */
  const leavesNothing: LeavesNothing = (call, secrets) => {
    const result = call()
    for (const secret of secrets(result)) {
      expect(secret.length).toBe(32)
      expect(seen.ended.includes(secret)).toBe(true)
      expect(seen.wiped.includes(secret)).toBe(false)
    }
    expect(seen.wiped.length).toBe(seen.ended.length)
    expect(seen.wiped.every((byte) => byte === 0)).toBe(true)
    return result
  }
  return { mpc: bindMpc(createCall(module, { ...ports, observe })), seen, leavesNothing }
}
