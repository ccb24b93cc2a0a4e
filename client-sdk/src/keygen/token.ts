import * as z from 'zod/mini'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import { CompressedKey, Random32, UserId } from '@quorate/shared/wire/ids'
import { RegistrationReceipt, Skeleton } from '@quorate/shared/wire/keygen'
import { refuse } from '../errors.ts'
import type { KeygenKnowledge } from './keygen.ts'
import type { OwnRegistration } from './registration.ts'

const Own = z.strictObject({
  ...z.omit(RegistrationReceipt.shape.body, { contributed: true }).shape,
  publicKey: z.nullable(CompressedKey),
})

/** With what a person goes on with a key in the making. SECRET: it reads about the key, and joins it as whoever is not registered yet. */
const Token = z.strictObject({
  format: z.literal('quorate-keygen/v1'),
  warning: z.string(),
  userId: UserId,
  skeleton: Skeleton,
  sessionSecret: Random32,
  /** Of all, for who reserved the key. */
  invitationKeys: z.record(UserId, Random32),
  /** Of a person who takes part: what is registered, and with which invitation. */
  joining: z.nullable(z.strictObject({ own: Own, invitationKey: Random32 })),
})
type Token = z.infer<typeof Token>

/** What a person who takes part registers, and proves an invitation with. */
export type JoiningAs = Readonly<{ own: OwnRegistration; invitationKey: Uint8Array }>

/** A key in the making, as a person knows it who may have to begin anew. */
export type Resumable = Omit<KeygenKnowledge, 'own'> & Readonly<{ joining: JoiningAs | null }>

export function writeToken(userId: UserId, { skeleton, sessionSecret, invitationKeys, joining }: Resumable): string {
  const token: Token = {
    format: 'quorate-keygen/v1',
    warning: 'SECRET: whoever reads this can join the key, and reads what is signed with it',
    userId,
    skeleton,
    sessionSecret: toHex(sessionSecret),
    invitationKeys: Object.fromEntries([...invitationKeys].map(([name, key]) => [name, toHex(key)])),
    joining: joining && { own: Own.parse(joining.own), invitationKey: toHex(joining.invitationKey) },
  }
  return JSON.stringify(token)
}

/** Inverse of `writeToken`. Throws `token.invalid`, also for that of somebody else. */
export function readToken(userId: UserId, text: string): Resumable {
  const { skeleton, sessionSecret, invitationKeys, joining, ...token } = parse(text)
  const own = joining?.own ?? null
  const isOwn = token.userId === userId && (own === null || own.userId === userId)
  if (!isOwn) return refuse('token.invalid')
  return {
    skeleton,
    sessionSecret: fromHex(sessionSecret),
    invitationKeys: new Map(Object.entries(invitationKeys).map(([name, key]) => [name, fromHex(key)])),
    joining: joining && { own: joining.own, invitationKey: fromHex(joining.invitationKey) },
  }
}

function parse(text: string): Token {
  try {
    return Token.parse(JSON.parse(text))
  } catch {
    return refuse('token.invalid')
  }
}
