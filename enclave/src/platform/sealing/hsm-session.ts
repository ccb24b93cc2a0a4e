import { Refusal } from '@quorate/shared/errors'
import {
  Cka,
  Ckr,
  classSecretKey,
  keyTypeAes,
  sessionFlags,
  userTypeUser,
  type Bytes,
  type Cryptoki,
} from './cryptoki.ts'
import { attributes, labelOf, tokenInfoLength, wordLength, words, type Structure } from './cryptoki-structures.ts'

/** Labels of a token and of the one AES-256 key in it. */
export type HsmKey = Readonly<{ token: string; key: string }>

/** A session that is logged in, and the key's handle in it. */
export type HsmSession = Readonly<{ session: bigint; key: bigint }>

/**
 * Logs in, finds the key, has it used, and logs out again: an HSM that was away in between needs no care then. Throws
 * `kms.denied` for a PIN that the token does not take and for a key that is not there, `kms.invalid` for a key that could leave
 * the HSM or is not the only one of its label, `kms.unavailable` for all else.
 */
export function inSession<T>(hsm: Cryptoki, { token, key }: HsmKey, pin: Bytes, use: (open: HsmSession) => T): T {
  check(hsm.C_Initialize(0n), [Ckr.alreadyInitialized])
  const handle = words(0n)
  check(hsm.C_OpenSession(findSlot(hsm, token), sessionFlags, 0n, 0n, handle))
  const session = first(handle)
  try {
    check(hsm.C_Login(session, userTypeUser, pin, BigInt(pin.length)))
    return use({ session, key: findKey(hsm, session, key) })
  } finally {
    hsm.C_Logout(session)
    hsm.C_CloseSession(session)
  }
}

const refusals: readonly bigint[] = [
  ...[Ckr.encryptedDataInvalid, Ckr.encryptedDataLengthRange, Ckr.keyFunctionNotPermitted],
  ...[Ckr.pinIncorrect, Ckr.pinInvalid, Ckr.pinLengthRange, Ckr.pinExpired, Ckr.pinLocked],
  ...[Ckr.userNotLoggedIn, Ckr.userPinNotInitialized],
]

/** Throws `kms.denied` when the HSM says no to who asks or to what it is asked, `kms.unavailable` when it fails. */
export function check(result: bigint, alsoFine: readonly bigint[] = []): void {
  if (result === Ckr.ok || alsoFine.includes(result)) return
  throw new Refusal(refusals.includes(result) ? 'kms.denied' : 'kms.unavailable')
}

/** What a module says when the HSM, or the way to it, has failed in the middle of a session. */
const away: readonly bigint[] = [
  Ckr.hostMemory,
  Ckr.deviceError,
  Ckr.deviceMemory,
  Ckr.deviceRemoved,
  Ckr.sessionClosed,
]

/**
 * After C_Decrypt: modules do not agree on what they say of a tag that does not fit, so that everything means no but what means
 * that the HSM is away.
 */
export function checkOpened(result: bigint): void {
  if (result !== Ckr.ok) throw new Refusal(away.includes(result) ? 'kms.unavailable' : 'kms.denied')
}

const first = (handles: Bytes): bigint => new BigUint64Array(handles.buffer)[0] ?? 0n

const mostSlots = 256n

function findSlot(hsm: Cryptoki, label: string): bigint {
  const [count, slots] = [words(mostSlots), new Uint8Array(Number(mostSlots) * wordLength)]
  check(hsm.C_GetSlotList(1, hsm.addressOf(slots), count))
  const info = new Uint8Array(tokenInfoLength)
  for (const slot of new BigUint64Array(slots.buffer, 0, Number(first(count))))
    if (hsm.C_GetTokenInfo(slot, info) === Ckr.ok && labelOf(info) === label) return slot
  throw new Refusal('kms.unavailable')
}

function findKey(hsm: Cryptoki, session: bigint, label: string): bigint {
  const wanted = attributes(hsm.addressOf, [
    [Cka.class, words(classSecretKey)],
    [Cka.keyType, words(keyTypeAes)],
    [Cka.token, Uint8Array.of(1)],
    [Cka.label, Uint8Array.from(Buffer.from(label))],
  ])
  keep(wanted, (template) => check(hsm.C_FindObjectsInit(session, template, 4n)))
  const [found, count] = [words(0n, 0n), words(0n)]
  try {
    check(hsm.C_FindObjects(session, found, 2n, count))
  } finally {
    hsm.C_FindObjectsFinal(session)
  }
  if (first(count) === 0n) throw new Refusal('kms.denied')
  const key = first(found)
  if (first(count) !== 1n || !staysInside(hsm, session, key)) throw new Refusal('kms.invalid')
  return key
}

/** By the word of the module: sensitive, not extractable, 32 bytes long. */
function staysInside(hsm: Cryptoki, session: bigint, key: bigint): boolean {
  const [sensitive, extractable, length] = [new Uint8Array(1), Uint8Array.of(1), words(0n)]
  const asked = attributes(hsm.addressOf, [
    [Cka.sensitive, sensitive],
    [Cka.extractable, extractable],
    [Cka.valueLength, length],
  ])
  keep(asked, (template) => check(hsm.C_GetAttributeValue(session, key, template, 3n)))
  return sensitive[0] === 1 && extractable[0] === 0 && first(length) === 32n
}

/** What calls under way point to: the collector must not take it before they have returned. */
const pointedTo = new Set<Structure>()

/** Calls with the structure's bytes, and holds what they point to until the call has returned. */
export function keep<T>(structure: Structure, call: (bytes: Bytes) => T): T {
  pointedTo.add(structure)
  try {
    return call(structure.bytes)
  } finally {
    pointedTo.delete(structure)
  }
}
