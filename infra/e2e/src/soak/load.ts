import { setTimeout as sleep } from 'node:timers/promises'
import type { Participant, Signing } from '@quorate/client'
import type { Draw } from './draw.ts'
import { endingOf } from './ending.ts'
import type { Kept } from './keys.ts'
import type { EndCode, Entry, Ledger } from './ledger.ts'
import { faultOf } from './result-check.ts'
import type { World } from './world.ts'

/** After a refusal, ms: so that a bound that is reached is not asked against in a circle. */
const pause = 200

/** Signs again and again, so many at once, until it is told to end; then waits for the ends of those that are open. */
export async function signMany(world: World, draw: Draw, end: AbortSignal): Promise<void> {
  const { people, keys, ledger, settings } = world
  let number = 0
  const work = async () => {
    while (!end.aborted) {
      number += 1
      const approver = draw.pick([people.bob, people.carol])
      const entry = await signOnce(world, keys.next(), { text: `signature ${number}`, approver })
      if (entry === null) await sleep(pause)
    }
  }
  const guarded = () => work().catch((error: unknown) => ledger.fault('a signing', error))
  await Promise.all(Array.from({ length: settings.inFlight }, guarded))
}

/** One signing, to its end. Null when it was not acknowledged. */
export async function signOnce(
  { people, ledger, settings }: World,
  kept: Kept,
  { text, approver }: Readonly<{ text: string; approver: Participant }>,
): Promise<Entry | null> {
  const { key } = kept
  const since = performance.now()
  const signing = await people.alice
    .requestSignature(key, text, { expiresIn: settings.deadline })
    .catch((error: unknown) => ledger.refuse('request', key.keyId, error))
  if (signing === undefined) return null
  const entry = ledger.asked('signing', signing.signingId, since)
  const isApproved = (!kept.standing || kept.wantsWord) && (await approve(ledger, signing, approver))
  entry.agreed = kept.standing || isApproved
  const ending = await endingOf(signing, signing.expiresAt + settings.patience)
  ledger.ended(entry, ending.code)
  // As people do: who has waited in vain is asked for a word of their own.
  if (ending.code === null || doubts.has(ending.code)) kept.wantsWord = ending.code !== null
  const fault = ending.code === null ? faultOf(key, text, ending.result) : null
  if (fault !== null) ledger.wrong.push(`signing ${signing.signingId}: ${fault}`)
  return entry
}

/** How a signing ends whose hosts do not know the epoch. */
const doubts: ReadonlySet<EndCode> = new Set(['signing.expired', 'epoch.unproven'])

/** A signing that is not approved, for instance since its key has been refreshed, is taken back: it would wait until its deadline. */
async function approve(ledger: Ledger, signing: Signing, approver: Participant): Promise<boolean> {
  const { key, signingId } = signing
  try {
    await approver.approve(await approver.signing(key, signingId))
    return true
  } catch (error) {
    ledger.refuse('approval', signingId, error)
    await signing.withdraw().catch((failure: unknown) => ledger.refuse('withdrawal', signingId, failure))
    return false
  }
}
