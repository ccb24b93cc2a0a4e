import { Refusal } from '@quorate/shared/errors'
import { digestOf } from '@quorate/shared/crypto/sign'
import { describesKey } from '@quorate/shared/verify/certificate'
import { verifyRefreshRequest } from '@quorate/shared/verify/refresh'
import { supplied } from '@quorate/shared/schemes/scheme'
import { makeOf } from '@quorate/shared/schemes/cryptography'
import { toBase64url } from '@quorate/shared/wire/bytes'
import type { HostParams, HostResult } from '@quorate/shared/ceremonies/host-methods'
import type { Digest } from '@quorate/shared/wire/ids'
import type { RefreshRequest } from '@quorate/shared/wire/refresh'
import type { Parts } from '../parts.ts'
import { createSessions, type Sessions } from '../sessions.ts'
import type { HeldKey } from '../vault.ts'
import { addingSubgroups } from './certify.ts'
import type { Making } from './dkg.ts'
import { Seats } from './seats.ts'

type Refresh = Readonly<{ requestDigest: Digest; asker: number; seats: Seats; hosted: number }>
type Rounds = Readonly<{
  [M in 'round1' | 'round2' | 'round3']: (params: HostParams<`refresh.${M}`>) => Promise<HostResult<`refresh.${M}`>>
}>

/** The rounds take seconds; what a request leaves open longer has to begin with round one again. */
const LONGEST_ROUNDS = 3_600_000
const BYTES_PER_PARTICIPANT = 1_024

/** The refresh of this request, begun if it is new. One id, one request. */
function enter(
  parts: Parts,
  refreshes: Sessions<Refresh>,
  { body }: RefreshRequest,
  requestDigest: Digest,
  key: HeldKey,
): Refresh {
  const known = refreshes.find(body.refreshId)
  if (known !== undefined) {
    if (known.requestDigest !== requestDigest) throw new Refusal('refresh.request_invalid')
    return known
  }
  const { participants } = key.certificate.roster.skeleton
  const hosted = participants.filter(({ host }) => host.identity.signKey === parts.keys.identity.signKey).length
  const refresh = { requestDigest, asker: body.asker, seats: new Seats(parts), hosted }
  const bytes = participants.length * BYTES_PER_PARTICIPANT
  refreshes.add(body.refreshId, refresh, { expiresAt: body.expiresAt, bytes })
  return refresh
}

/**
 * Makes new shares of a key in the rounds of a DKG. Any host of the key that has its share of the epoch before open takes
 * part, also one that may not sign with it: the outcome is of no use before all have agreed to it (`prepare`, `install`).
 */
export function createRefreshRounds(parts: Parts): Rounds {
  const { vault, askers, clock, alarm, log } = parts
  const refreshes = createSessions<Refresh>({
    clock,
    alarm,
    limits: { sessions: 10_000, bytes: 64 << 20, ms: LONGEST_ROUNDS },
    unknown: 'keygen.out_of_order',
    end: ({ seats }) => seats.wipe(),
  })
  return {
    async round1({ index, attempt, request }) {
      const { keyId, refreshId } = request.body
      const key = vault.key(keyId, index)
      const requestDigest = await verifyRefreshRequest(key, request, clock())
      askers.require(request, key.lineage, clock())
      const { seats } = enter(parts, refreshes, request, requestDigest, key)
      const message = await seats.round1({ index, attempt }, () =>
        Promise.resolve(makingOf(parts, request, requestDigest, index)),
      )
      log({ event: 'refresh.round', refreshId, index, attempt, round: 1 })
      return { message }
    },

    async round2({ refreshId, index, attempt, messages }) {
      const packages = await refreshes.get(refreshId).seats.round2({ index, attempt }, messages)
      log({ event: 'refresh.round', refreshId, index, attempt, round: 2 })
      return { packages: [...packages] }
    },

    async round3({ refreshId, index, attempt, packages }) {
      const { seats, hosted, asker } = refreshes.get(refreshId)
      const answer = await seats.round3({ index, attempt }, packages)
      if (seats.finished() === hosted) refreshes.finish(refreshId)
      log({ event: 'refresh.round', refreshId, index, attempt, round: 3 })
      const { keyId } = answer.certificate.roster.skeleton
      const certificateDigest = digestOf('certificate', answer.certificate)
      askers.certified(certificateDigest, asker)
      log({ event: 'key.certified', keyId, index, certificateDigest })
      return answer
    },
  }
}

/** Of the very version that the request names. Throws `epoch.stale`. */
function ofVersion<K extends HeldKey>({ body }: RefreshRequest, key: K): K {
  if (key.digest !== body.certificateDigest) throw new Refusal('epoch.stale')
  return key
}

/**
 * What is made for this request. The last round of each participant takes its old share; the outcome must be shares of the same
 * key, which nobody else can ask of this share.
 */
function makingOf(parts: Parts, request: RefreshRequest, ceremony: Digest, index: number): Making {
  const { mpc, vault, peers } = parts
  const { keyId } = request.body
  const { certificate, digest } = ofVersion(request, vault.key(keyId, index))
  const { roster, epoch, groupKey } = certificate
  const { scheme, threshold, participants } = roster.skeleton
  for (const { host } of participants) peers.require(host.identity)
  const refresh = makeOf(mpc, scheme, 'refresh')
  return {
    roster,
    ceremony,
    epoch: epoch + 1,
    previous: digest,
    begin: (at) =>
      supplied(refresh({ index: at, participants: participants.length, threshold }), (use) =>
        vault.lend(keyId, at, (old) => use(ofVersion(request, old))),
      ),
    subgroupKeys: addingSubgroups(parts, roster),
    check({ publicKeys }) {
      const next = { roster, groupKey, publicKeys: toBase64url(publicKeys) }
      if (!describesKey(mpc, next)) throw new Refusal('certificate.invalid')
    },
    // Which life knows all uses of its grant does not change with the share.
    keep: (place, share) =>
      vault.lend(keyId, place.index, (old) => {
        const { sessionSecret, life } = ofVersion(request, old)
        return vault.keep(place, { share, sessionSecret, life })
      }),
  }
}
