import { randomBytes } from '@noble/hashes/utils.js'
import { Refusal } from '@quorate/shared/errors'
import { taggedHash } from '@quorate/shared/seal/hash'
import { fromBase64url, fromHex, toBase64url, toHex } from '@quorate/shared/wire/bytes'
import type { EnclaveMethod, EnclaveParams, EnclaveResult } from '@quorate/shared/wire/enclave-rpc'
import { createKeygens } from './ceremony/keygen.ts'
import { createTurn } from './ceremony/sessions.ts'
import { createSignings } from './ceremony/signing.ts'
import { createGrantUses } from './policy/grant-uses.ts'
import type { Platform } from './platform/platform.ts'
import { createPeers } from './vault/peers.ts'
import { createShares } from './vault/shares.ts'
import { foundVault, openVault } from './vault/unlock.ts'
import type { Vault } from './vault/vault.ts'

/** What an enclave answers, method by method. Every handler throws a `Refusal` or answers. */
export type Handlers = Readonly<{ [M in EnclaveMethod]: (params: EnclaveParams<M>) => Promise<EnclaveResult<M>> }>

type Unlocked = Readonly<{ vault: Vault; sealedRoot: Uint8Array; handlers: Omit<Handlers, 'hello' | 'boot'> }>

/** An enclave on its platform. It is locked, and answers `hello` and `boot` only, until its root secret is open. */
export function createEnclave(platform: Platform): Handlers {
  const bootId = toHex(randomBytes(32))
  const startedAt = platform.clock()
  const turn = createTurn()
  let unlocked: Unlocked | null = null

  const open = (): Unlocked['handlers'] => {
    if (unlocked === null) throw new Refusal('enclave.locked')
    return unlocked.handlers
  }

  /** A repeated boot gets the same answer: the gateway may have lost the first. Another root is refused. */
  const boot: Handlers['boot'] = ({ sealedRoot: given }) =>
    turn(async () => {
      unlocked ??= await unlock(platform, startedAt, given === null ? null : fromBase64url(given))
      const { vault, sealedRoot } = unlocked
      if (given !== null && given !== toBase64url(sealedRoot)) throw new Refusal('root.invalid')
      return { identity: vault.identity, sealedRoot: given === null ? toBase64url(sealedRoot) : null }
    })

  const hello: Handlers['hello'] = () =>
    Promise.resolve({
      ...{ bootId, locked: unlocked === null, identity: unlocked?.vault.identity ?? null },
      sealing: platform.sealing,
    })

  return {
    hello,
    boot,
    attest: (params) => open().attest(params),
    challenge: (params) => open().challenge(params),
    introduce: (params) => open().introduce(params),
    'keygen.init': (params) => open()['keygen.init'](params),
    'keygen.register': (params) => open()['keygen.register'](params),
    'keygen.round1': (params) => open()['keygen.round1'](params),
    'keygen.round2': (params) => open()['keygen.round2'](params),
    'keygen.round3': (params) => open()['keygen.round3'](params),
    'key.load': (params) => open()['key.load'](params),
    'sign.commit': (params) => open()['sign.commit'](params),
    'sign.partial': (params) => open()['sign.partial'](params),
    'sign.aggregate': (params) => open()['sign.aggregate'](params),
    'sign.confirm': (params) => open()['sign.confirm'](params),
  }
}

async function unlock(platform: Platform, startedAt: number, given: Uint8Array | null): Promise<Unlocked> {
  const { mpc, clock, log, roots } = platform
  const measurements = await ownMeasurements(platform)
  const policy = { roots, measurements: [measurements] }
  const { vault, sealedRoot } = given === null ? await foundVault(platform) : await openVault(platform, policy, given)

  const peers = createPeers(vault, policy, clock, log)
  const shares = createShares(vault)
  const keygens = createKeygens({ mpc, vault, peers, clock, log })
  const grants = createGrantUses(startedAt)
  const signings = createSignings({ mpc, vault, shares, grants, measurements, clock, log })
  const handlers: Unlocked['handlers'] = {
    attest: ({ nonce }) => attest(platform, vault, nonce),
    challenge: () => Promise.resolve({ nonce: peers.challenge() }),
    introduce: async ({ peer, nonce }) => {
      await peers.introduce(peer, nonce)
      return {}
    },
    'keygen.init': keygens.init,
    'keygen.register': keygens.register,
    'keygen.round1': keygens.round1,
    'keygen.round2': keygens.round2,
    'keygen.round3': keygens.round3,
    'key.load': async ({ certificate, index, sealedShare }) => {
      await shares.load(certificate, index, fromBase64url(sealedShare))
      return {}
    },
    'sign.commit': signings.commit,
    'sign.partial': signings.partial,
    'sign.aggregate': signings.aggregate,
    'sign.confirm': signings.confirm,
  }
  return { vault, sealedRoot, handlers }
}

/** The document of this enclave: E, the digest of its identity, and the asker's nonce. */
async function attest({ nsm }: Platform, vault: Vault, nonce: string): Promise<EnclaveResult<'attest'>> {
  const { identity } = vault
  const publicKey = fromHex(identity.sealKey)
  const userData = taggedHash('identity', identity)
  const document = await nsm.attest({ publicKey, userData, nonce: fromHex(nonce) })
  return { identity, document: toBase64url(document) }
}

/** PCR0–2 of this very image: what it was built from. A peer must be made of the same. */
async function ownMeasurements({ nsm }: Platform): Promise<Record<string, string>> {
  const values = await Promise.all([0, 1, 2].map((index) => nsm.describePcr(index)))
  return Object.fromEntries(values.map(({ value }, index) => [String(index), toHex(value)]))
}
