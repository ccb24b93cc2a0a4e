import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes } from '@noble/hashes/utils.js'
import { bech32m, createBase58check } from '@scure/base'
import { CHAIN_CODE } from '@quorate/shared/schemes/children'
import { schemeOf } from '@quorate/shared/schemes/cryptography'
import { factsOf } from '@quorate/shared/schemes/table'
import { groupKeyOf, publicKeysOf } from '@quorate/shared/verify/subgroups'
import { fromBase64url, fromHex, toHex } from '@quorate/shared/wire/bytes'
import { refuse, refusing } from './errors.ts'
import type { Key } from './key.ts'
import { npub } from './npub.ts'
import { taprootKey } from './signing/items.ts'
import { mpcHere } from './wasm.ts'

/**
 * What others call a key, as far as its scheme has such names. `npub`: NIP-19. `taproot`: the output key without a script tree (BIP-341, 32 bytes,
 * hex). `xpub`: the synthetic extended public key (BIP-328), of which wallets derive others by BIP-32, unhardened.
 */
export type PublicNames = Readonly<{ npub?: string; taproot?: string; xpub?: string }>

/** BIP-32's serialisation: version, depth, the parent's fingerprint and the child number. */
const MASTER = fromHex('0488b21e' + '00'.repeat(9))
const base58check = createBase58check(sha256)

/** BIP-328's extended public key of an aggregate key (a compressed point, 33 bytes). */
export const syntheticXpub = (point: Uint8Array): string => base58check.encode(concatBytes(MASTER, CHAIN_CODE, point))

/** Of a key, or of its sub-group with this name. Throws `subgroup.unknown`. */
export const publicNames = (key: Key, subgroup?: string): Promise<PublicNames> =>
  refusing(async () => {
    const mpc = await mpcHere()
    const { verification, tweaks } = factsOf(key.scheme)
    const { body } = key.certificate
    const { point } = schemeOf(mpc, key.scheme)
    const publicKeys = publicKeysOf(mpc, body.roster, fromBase64url(body.publicKeys), subgroup)
    return {
      ...(verification === 'bip340' ? { npub: npub(fromHex(groupKeyOf(body, subgroup))) } : {}),
      ...(tweaks ? { taproot: toHex(taprootKey(mpc, key, new Uint8Array(), subgroup)) } : {}),
      ...(point ? { xpub: syntheticXpub(point(publicKeys)) } : {}),
    }
  })

/** Prefixes of addresses (BIP-173), by network. */
const prefixes = { mainnet: 'bc', testnet: 'tb', signet: 'tb', regtest: 'bcrt' } as const
export type BitcoinNetwork = keyof typeof prefixes

/** SegWit version 1 (BIP-341). */
const TAPROOT = 1

/** The address (BIP-350) of a Taproot output key, 32 bytes. */
export const addressOf = (outputKey: Uint8Array, network: BitcoinNetwork): string =>
  bech32m.encode(prefixes[network], [TAPROOT, ...bech32m.toWords(outputKey)])

/**
 * The address of the output key without a script tree, of a key or of its sub-group with this name. Throws `content.invalid` for a key
 * that has none, `subgroup.unknown`.
 */
export async function taprootAddress(key: Key, network: BitcoinNetwork, subgroup?: string): Promise<string> {
  const { taproot } = await publicNames(key, subgroup)
  return taproot === undefined ? refuse('content.invalid') : addressOf(fromHex(taproot), network)
}
