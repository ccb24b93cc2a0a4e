import type { UserId } from '@quorate/shared/wire/ids'
import type { Context } from './context.ts'
import { refuse } from './errors.ts'
import type { Key } from './key.ts'
import type { Member } from './naming.ts'
import type { Signer } from './signer.ts'

/** Somebody at a gateway, with what signs for them. */
export type Person = Readonly<{ context: Context; userId: UserId; signer: Signer }>

/** The own place in a key. Throws `participant.unknown` when the key does not know this user with this signer. */
export async function memberOf({ userId, signer: pairs }: Person, key: Key): Promise<Member> {
  const signer = await pairs.forKey(key.keyId)
  const { registrations } = key.certificate.body.roster
  const own = registrations.find(({ body }) => body.userId === userId)?.body
  return own?.authKey === signer.publicKey ? { index: own.index, signer } : refuse('participant.unknown')
}
