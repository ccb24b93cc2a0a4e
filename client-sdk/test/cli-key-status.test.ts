import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { independenceLines, independenceOf, machineOf } from '../src/cli/independence.ts'
import type { Key } from '../src/index.ts'
import { environment, folder, runLine, withOwnHome, type Ran } from './command-line.ts'
import { createFleet } from './fleet.ts'
import { keepKey } from './keep-key.ts'
import { fleet, gateway } from './lying-gateway.ts'

withOwnHome()

const quorate = (...line: string[]): Promise<Ran> => runLine(line, environment())

describe('quorate status of a key', () => {
  it('shows who, where, proofs, epoch and the last use, on one screen', async () => {
    const { alice, key } = await keepKey('bob')
    const shown = await quorate('status', key.keyId.slice(0, 8))
    expect(shown).toMatchObject({ code: 0 })
    for (const text of [key.groupKey, '2 of 3', '0, which is in force', 'alice: enclave-0 proved itself', '3 enclaves'])
      expect(shown.out).toContain(text)
    expect(shown.out).toContain('last use here  none')
    expect(shown.out.trim().split('\n').length).toBeLessThan(24)
    const { signingId } = await alice.requestSignature(key, 'hello')
    await quorate('approve', signingId, '-y')
    await quorate('status', signingId)
    expect((await quorate('status', key.keyId)).out).toContain(`signing ${signingId.slice(0, 8)}`)
  })

  it('says which enclave has not proved itself, and which epoch is in force elsewhere', async () => {
    const { alice, key } = await keepKey('bob')
    await alice.refreshKey(key)
    gateway.lies.getAttestation = (honest, { params }) =>
      params.enclaveId === 'enclave-1' ? fleet.attest(fleet.enclaves[1]!, '11'.repeat(32)) : honest
    const { out, code } = await quorate('status', key.keyId)
    expect(code).toBe(0)
    expect(out).toContain('bob: enclave-1 has not proved itself (attestation.invalid)')
    expect(out).toContain('0 here, 1 in force: quorate update')
    expect(out).toContain('machines unknown')
  })

  it('takes no other enclave of the same name for the one of the certificate', async () => {
    const { key } = await keepKey('bob')
    const other = await createFleet()
    const trust = { roots: [...fleet.trust.roots, ...other.trust.roots], measurements: fleet.trust.measurements }
    const file = join(folder, 'both.json')
    await writeFile(file, JSON.stringify(trust))
    gateway.lies.getAttestation = (_, { query }) => other.attest(other.enclaves[1]!, query.get('nonce') ?? '')
    const { out } = await quorate('status', key.keyId, '--trust', file)
    expect(out).toContain('bob: enclave-1 has not proved itself (attestation.invalid)')
  })

  it('says that one machine holds enough shares to sign, when it does', () => {
    const key = { threshold: 2, participants: ['a', 'b', 'c'] } as unknown as Key
    const at = (userId: string, moduleId: string) => {
      const machine = machineOf(moduleId)
      return { userId, enclaveId: moduleId, machine, image: 'ab', sealing: 'aws' }
    }
    const spread = independenceOf(key, [at('a', 'i-1-enc1'), at('b', 'i-2-enc1'), at('c', 'i-3-enc1')])
    expect(spread.machines).toEqual({ kinds: 3, most: 1, holdsQuorum: false, isNeeded: false })
    const together = independenceOf(key, [at('a', 'i-1-enc1'), at('b', 'i-1-enc2'), at('c', 'i-2-enc1')])
    expect(together.enclaves).toMatchObject({ kinds: 3, holdsQuorum: false })
    expect(together.machines).toEqual({ kinds: 2, most: 2, holdsQuorum: true, isNeeded: true })
    expect(independenceLines(together)).toContain(
      '2 machines: one machine holds enough shares to sign, without one the key stops',
    )
  })
})
