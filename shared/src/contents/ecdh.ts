import * as z from 'zod/mini'
import { fromHex } from '../wire/bytes.ts'
import type { ContentRow } from './content.ts'

/**
 * A wish for the secret that a key shares with a peer (NIP-44's conversation key follows from it). `peer`: a secp256k1 point, SEC1
 * compressed, hex; a Nostr key is one with 02 before it. `direction`: whether the asker will encrypt for the peer, or read what it sent.
 */
export interface EcdhContent {
  type: 'ecdh'
  peer: string
  direction: 'encrypt' | 'decrypt'
}
const schema = z.toZod<EcdhContent>()(
  z.strictObject({
    type: z.literal('ecdh'),
    peer: z.string().check(z.regex(/^0[23][0-9a-f]{64}$/, 'a compressed secp256k1 point as lower-case hex')),
    direction: z.enum(['encrypt', 'decrypt']),
  }),
)

const purposes = { encrypt: 'encrypt for this peer', decrypt: 'read what this peer sent' } as const

/** The secret opens every message with that peer, for ever: no key gives it unless its policy names this type. */
export const ecdh = {
  type: 'ecdh',
  use: 'ecdh',
  schema,
  message: ({ peer }) => fromHex(peer),
  show: ({ peer, direction }) => [
    { label: 'shared secret', text: `to ${purposes[direction]}` },
    { label: 'peer', text: peer },
    { label: 'opens', text: 'every message with this peer, past and to come' },
  ],
  needs: ['bip340'],
  tweaks: false,
  alone: false,
  explicit: true,
} as const satisfies ContentRow<EcdhContent>
