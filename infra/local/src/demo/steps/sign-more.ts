import type { Key } from '@quorate/client'
import { claimOf, type Claim } from '../referee.ts'
import { inMs } from '../canvas.ts'
import type { Stage } from '../stage.ts'
import type { People } from './make-key.ts'

const rounds = 10

/** The same again, some times: what a signature takes once everything has been done before. */
export async function signMore(stage: Stage, key: Key, { alice, bob }: People): Promise<Claim[]> {
  const claims: Claim[] = []
  const times: number[] = []
  const once = async (text: string) => {
    const since = performance.now()
    const signing = await alice.requestSignature(key, text)
    await bob.approve(await bob.signing(key, signing.signingId))
    claims.push(claimOf(text, await signing.completed({ timeout: 30_000 })))
    times.push(performance.now() - since)
  }
  const median = () => times.toSorted((a, b) => a - b)[rounds / 2] ?? 0
  await stage.timed(
    `${rounds} more, one after the other, from question to verified signature:`,
    async () => {
      for (let n = 1; n <= rounds; n += 1) await once(`And once more, for the ${n}th time.`)
    },
    () => `${inMs(median())} each (median), in all`,
  )
  stage.keep('a signature, warm: ask, look, approve, sign, verify (median)', median())
  return claims
}
