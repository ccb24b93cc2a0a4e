import { readdirSync, readFileSync } from 'node:fs'
import { schnorr } from '@noble/curves/secp256k1.js'
import { verifyCertificate } from '@quorate/shared/verify/certificate'
import { verifyInForce } from '@quorate/shared/verify/refresh'
import { toBase64url, toHex } from '@quorate/shared/wire/bytes'
import { describe, expect, it } from 'vitest'
import {
  begin,
  code,
  coordinator,
  enclaves,
  ended,
  folder,
  inFreshHouses,
  initsFor,
  logged,
  register,
  reserve,
  restartGateway,
  users,
} from './house.ts'

inFreshHouses()

const dealt = () => begin({ secretKey: schnorr.utils.randomSecretKey() })
const registerAll = async (plan: Awaited<ReturnType<typeof begin>>['plan']) => {
  for (const index of [1, 2, 3]) await register(plan, index)
}

describe('a keygen of a key that was dealt', () => {
  it('asks for no round of a DKG, and makes the key that it was', async () => {
    const secretKey = schnorr.utils.randomSecretKey()
    const { keyId, plan } = await begin({ secretKey })
    await registerAll(plan)
    const { state, certificate, installed } = await ended(keyId)
    expect(state).toBe('completed')
    expect(certificate!.body.groupKey).toBe(toHex(schnorr.getPublicKey(secretKey)))
    await verifyInForce({ certificate: certificate!.body, digest: await verifyCertificate(certificate!) }, installed)
    expect(enclaves.count('keygen.round1')).toBe(0)
    expect(enclaves.count('keygen.accept')).toBe(3)
  })

  it.each(['keygen.accept', 'keygen.prepare', 'keygen.install'] as const)(
    'comes to its end when an enclave restarts in %s',
    async (method) => {
      const { keyId, plan, reservation } = await dealt()
      const { enclaveId } = reservation.slots[1]!
      enclaves.fault(enclaveId, method, () => enclaves.restart(enclaveId))
      await registerAll(plan)
      const { state, certificate, installed } = await ended(keyId)
      expect(state).toBe('completed')
      await verifyInForce({ certificate: certificate!.body, digest: await verifyCertificate(certificate!) }, installed)
    },
  )

  it('goes on after a restart of the gateway', async () => {
    const { keyId, plan, reservation } = await dealt()
    const stuck = enclaves.hang(reservation.slots[0]!.enclaveId, 'keygen.accept')
    await registerAll(plan)
    await stuck.asked()
    await restartGateway()
    stuck.timeOut()
    expect((await ended(keyId)).state).toBe('completed')
  })

  it('begins with no host when what was dealt to one is no share of the key, and blames nobody', async () => {
    const secretKey = schnorr.utils.randomSecretKey()
    const cheat = ({ shares, ...rest }: NonNullable<(typeof plan)['dealt']>) => ({
      ...rest,
      shares: new Map(shares).set(2, shares.get(3)!),
    })
    const { reservation, plan } = await reserve(users, 60, undefined, 'somebody', { secretKey, cheat })
    const init = coordinator.init(reservation.keyId, { skeleton: plan.skeleton, sealed: initsFor(plan) })
    await expect(init).rejects.toEqual(code('keygen.dealt_invalid'))
    await expect(init).rejects.toMatchObject({ culprits: [] })
    expect((await coordinator.follow.keygen.status(reservation.keyId)).state).toBe('reserved')
    expect(enclaves.count('keygen.accept')).toBe(0)
  })

  it('leaves neither the key nor a share of it in the database or a log', async () => {
    const secretKey = schnorr.utils.randomSecretKey()
    const { keyId, plan } = await begin({ secretKey })
    const secrets = [secretKey, ...[...plan.dealt!.shares.values()].map((share) => share.slice(37, 69))]
    await registerAll(plan)
    expect((await ended(keyId)).state).toBe('completed')
    const files = readdirSync(folder).map((file) => readFileSync(`${folder}/${file}`))
    expect(files.length).toBeGreaterThan(0)
    for (const secret of secrets) {
      for (const file of files) expect(file.includes(secret)).toBe(false)
      for (const text of [toHex(secret), toBase64url(secret)])
        for (const where of [...files.map((file) => file.toString('latin1')), logged.join()])
          expect(where.includes(text)).toBe(false)
    }
  })
})
