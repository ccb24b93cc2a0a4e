import { boundReached, Refusal } from '@quorate/shared/errors'
import { verifyBody } from '@quorate/shared/crypto/sign'
import { GatewayAddress } from '@quorate/shared/wire/gateway-address'
import type { KeyId } from '@quorate/shared/wire/ids'
import type { SessionProof } from '@quorate/shared/wire/routes/sessions'
import type { RouteReply } from '@quorate/shared/wire/routes/table'
import type { Coordinator } from '../commands/ports.ts'
import { ExplainedRefusal } from './invalid-request.ts'
import { Holdings } from '@quorate/shared/holdings'
import type { Tokens } from './tokens.ts'

/** Milliseconds that a proof may be off our clock, either way. */
const TOLERANCE = 60_000
/** Nonces that are remembered for one key, and for all. About 20 MB. */
const MOST_OF_KEY = 1_000
const MOST = 100_000

export type SessionsPorts = {
  tokens: Tokens
  coordinator: Pick<Coordinator, 'readerKey' | 'lives'>
  /** What a proof must name, so that it cannot be carried to another gateway. */
  publicUrl: string
  clock: () => number
  nonces?: Readonly<{ ofKey: number; most: number }>
}

/** Verified in place of an unknown key's, so that a stranger learns nothing from the time it takes. The base point's y = 4/5. */
const NOBODY = `58${'66'.repeat(31)}`

/**
 * Exchanges proofs for tokens. What the gateway can say without looking at any key, it says: that the proof is for another address, and that
 * a clock is wrong. Every other refusal is the same `request.unauthorized`. A nonce counts once; nonces are remembered as long as their
 * proof would be good, and only for proofs that verify: so many of each key. Where all places are taken, the keys that hold most get no
 * more.
 */
export function createSessions({ tokens, coordinator, publicUrl, clock, nonces }: SessionsPorts) {
  const { ofKey, most } = nonces ?? { ofKey: MOST_OF_KEY, most: MOST }
  const spent = new Map<string, number>()
  const held = new Holdings()

  function forgetOld(now: number): void {
    for (const [nonce, until] of spent) {
      if (until >= now) break
      spent.delete(nonce)
      held.release(nonce)
    }
  }

  function requireRoom(keyId: KeyId): void {
    const retryAfter = (2 * TOLERANCE) / 1_000
    if (held.count(keyId) >= ofKey) throw boundReached('key', retryAfter)
    const fairPart = most / (2 * Math.max(1, held.holders))
    if (spent.size >= 2 * most || (spent.size >= most && held.count(keyId) >= fairPart))
      throw boundReached('gateway', retryAfter)
  }

  return async function open(proof: SessionProof): Promise<RouteReply<'openSession'>> {
    const { keyId, gateway, time, nonce } = proof.body
    if (GatewayAddress.safeParse(gateway).data !== publicUrl)
      throw new ExplainedRefusal('request.wrong_gateway', [`this gateway is ${publicUrl}`])
    requireTime(time, clock())
    const known = await coordinator.readerKey(keyId)
    const valid = await verifyBody(known ?? NOBODY, 'session', proof)
    const now = clock()
    const name = `${keyId} ${nonce}`
    forgetOld(now)
    if (known === null || !valid || spent.has(name)) throw new Refusal('request.unauthorized')
    requireRoom(keyId)
    spent.set(name, now + 2 * TOLERANCE)
    held.take(keyId, name)
    return { ...(await tokens.issue(keyId)), lives: await coordinator.lives(keyId) }
  }
}

function requireTime(time: number, now: number): void {
  if (Math.abs(time - now) <= TOLERANCE) return
  const seconds = Math.round(Math.abs(time - now) / 1_000)
  const way = time > now ? 'ahead of' : 'behind'
  const issue = `the proof is ${seconds} s ${way} the gateway's clock, and may be ${TOLERANCE / 1_000} s off`
  throw new ExplainedRefusal('request.wrong_time', [issue])
}
