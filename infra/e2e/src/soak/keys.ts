import type { GrantTerms, Key } from '@quorate/client'
import { joinKey, reserveKey, type People } from '../people.ts'
import type { Draw, Range } from './draw.ts'
import { endingOf, type Ending } from './ending.ts'
import type { Ledger } from './ledger.ts'
import type { Settings } from './settings.ts'

/** `standing`: Alice signs by grants, and nobody else is asked. `rare`: it signs now and then. */
export type KeyKind = Readonly<{ scheme: Key['scheme']; standing: boolean; rare: boolean }>

/** A key in use, at the newest epoch that is known. `wantsWord`: its hosts were in doubt, so somebody approves its next signings. */
export type Kept = KeyKind & { key: Key; wantsWord: boolean }

/** Both curves, with grants and with approvals. */
export const busyKinds = [
  { scheme: 'frost-secp256k1-tr', standing: true, rare: false },
  { scheme: 'frost-secp256k1-tr', standing: false, rare: false },
  { scheme: 'frost-ed25519', standing: true, rare: false },
  { scheme: 'frost-ed25519', standing: false, rare: false },
] as const satisfies KeyKind[]

/** Hosts of these restart one after the other with no signing between. */
export const rareKinds = [
  { scheme: 'frost-secp256k1-tr', standing: true, rare: true },
  { scheme: 'frost-ed25519', standing: false, rare: true },
] as const satisfies KeyKind[]

const day = 86_400_000
const grantTerms = (): GrantTerms => ({
  askers: ['alice'],
  content: ['bytes'],
  limit: { count: 1_000_000, per: 3_600_000 },
  expiresAt: Date.now() + day,
})

type Parts = Readonly<{ people: People; ledger: Ledger; settings: Settings }>

/** Makes a key, through all lives of the gateway. Throws when it is not even reserved. */
export async function makeKept({ people, ledger, settings }: Parts, kind: KeyKind): Promise<Ending<Kept>> {
  const { deadline, patience } = settings
  const grant = kind.standing ? grantTerms() : null
  const since = performance.now()
  const keygen = await reserveKey(people, { scheme: kind.scheme, grant, expiresIn: deadline })
  const entry = ledger.asked('keygen', keygen.keyId, since)
  await joinKey(people, keygen, { grant }).catch((error: unknown) => ledger.refuse('join', keygen.keyId, error))
  const ending = await endingOf(keygen, Date.now() + deadline + patience)
  ledger.ended(entry, ending.code)
  return ending.code === null ? { code: null, result: { ...kind, key: ending.result, wantsWord: false } } : ending
}

/** The keys in use. */
export class Keys {
  readonly #busy: Kept[] = []
  readonly #rare: { kept: Kept; notBefore: number }[] = []
  readonly #draw: Draw
  readonly #betweenRare: Range

  /** `betweenRare`: from one signing of a rare key to its next, ms. */
  constructor(draw: Draw, betweenRare: Range) {
    this.#draw = draw
    this.#betweenRare = betweenRare
  }

  add(kept: Kept): void {
    if (kept.rare) this.#rare.push({ kept, notBefore: 0 })
    else this.#busy.push(kept)
  }

  get all(): Kept[] {
    return [...this.#busy, ...this.#rare.map(({ kept }) => kept)]
  }

  /** The one to sign with next: a rare one whose time has come, else one of the others. Throws when there is none. */
  next(): Kept {
    const now = performance.now()
    const due = this.#rare.find(({ notBefore }) => notBefore <= now)
    if (due === undefined) return this.#draw.pick(this.#busy)
    due.notBefore = now + this.#draw.between(this.#betweenRare)
    return due.kept
  }
}
