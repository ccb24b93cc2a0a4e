import { readdirSync, readFileSync } from 'node:fs'
import { schnorr } from '@noble/curves/secp256k1.js'
import { verifyCertificate } from '@quorate/shared/verify/certificate'
import { keepsWhatWasContributed } from '@quorate/shared/verify/contributed'
import { verifyInForce } from '@quorate/shared/verify/refresh'
import { toBase64url, toHex } from '@quorate/shared/wire/bytes'
import { loadMpc } from '@quorate/shared/mpc'
import { describe, expect, it } from 'vitest'
import { begin, enclaves, ended, folder, inFreshHouses, logged, register, restartGateway } from './house.ts'

inFreshHouses()

const mpc = await loadMpc()
const newKeys = () => new Map([1, 2, 3].map((index) => [index, schnorr.utils.randomSecretKey()]))
const contributed = (ownKeys?: ReadonlyMap<number, Uint8Array>) =>
  begin({ scheme: 'musig2', threshold: 3, ...(ownKeys ? { ownKeys } : {}) })
const registerAll = async (plan: Awaited<ReturnType<typeof begin>>['plan']) => {
  for (const index of [1, 2, 3]) await register(plan, index)
}

async function expectMade(keyId: Parameters<typeof ended>[0]): Promise<void> {
  const { state, certificate, installed } = await ended(keyId)
  expect(state).toBe('completed')
  await verifyInForce({ certificate: certificate!.body, digest: await verifyCertificate(certificate!) }, installed)
  expect(keepsWhatWasContributed(mpc, certificate!.body)).toBe(true)
}

describe('a keygen to which each participant contributes a key', () => {
  it('asks for no round of a DKG', async () => {
    const { keyId, plan } = await contributed()
    await registerAll(plan)
    await expectMade(keyId)
    expect(enclaves.count('keygen.round1')).toBe(0)
    expect(enclaves.count('keygen.accept')).toBe(3)
  })

  it.each(['keygen.register', 'keygen.accept', 'keygen.prepare', 'keygen.install'] as const)(
    'comes to its end when an enclave restarts in %s, whether it drew its key or not',
    async (method) => {
      for (const ownKeys of [undefined, newKeys()]) {
        const { keyId, plan, reservation } = await contributed(ownKeys)
        const { enclaveId } = reservation.slots[1]!
        enclaves.fault(enclaveId, method, () => enclaves.restart(enclaveId))
        await registerAll(plan)
        await expectMade(keyId)
      }
    },
  )

  it('goes on after a restart of the gateway and of all hosts, with the keys that were drawn', async () => {
    const { keyId, plan, reservation } = await contributed()
    const stuck = enclaves.hang(reservation.slots[0]!.enclaveId, 'keygen.accept')
    await registerAll(plan)
    await stuck.asked()
    await restartGateway()
    for (const { enclaveId } of reservation.slots) enclaves.restart(enclaveId)
    stuck.timeOut()
    await expectMade(keyId)
  })

  it('leaves no key that was brought in the database or a log', async () => {
    const ownKeys = newKeys()
    const { keyId, plan } = await contributed(ownKeys)
    await registerAll(plan)
    await expectMade(keyId)
    const files = readdirSync(folder).map((file) => readFileSync(`${folder}/${file}`))
    expect(files.length).toBeGreaterThan(0)
    for (const secret of ownKeys.values()) {
      for (const file of files) expect(file.includes(secret)).toBe(false)
      for (const text of [toHex(secret), toBase64url(secret)])
        for (const where of [...files.map((file) => file.toString('latin1')), logged.join()])
          expect(where.includes(text)).toBe(false)
    }
  })
})
