import { Refusal } from '@quorate/shared/errors'
import type { Mpc } from '@quorate/shared/mpc'
import { digestOf } from '@quorate/shared/crypto/sign'
import { describesKey } from '@quorate/shared/verify/certificate'
import { verifyRefreshRequest } from '@quorate/shared/verify/refresh'
import { toBase64url } from '@quorate/shared/wire/bytes'
import type { HostParams, HostResult } from '@quorate/shared/ceremonies/host-methods'
import type { Digest } from '@quorate/shared/wire/ids'
import type { RefreshRequest } from '@quorate/shared/wire/refresh'
import type { EnclaveLog } from '../events.ts'
import type { Peers } from '../vault/peers.ts'
import type { OpenKey, Shares } from '../vault/shares.ts'
import type { Vault } from '../vault/vault.ts'
import type { Making } from './dkg.ts'
import { createSessions, type Sessions } from './sessions.ts'
import { Table } from './table.ts'

type Ports = Readonly<{ mpc: Mpc; vault: Vault; peers: Peers; shares: Shares; clock: () => number; log: EnclaveLog }>
type Refresh = Readonly<{ requestDigest: Digest; table: Table; hosted: number }>
type Rounds = Readonly<{
  [M in 'round1' | 'round2' | 'round3']: (params: HostParams<`refresh.${M}`>) => Promise<HostResult<`refresh.${M}`>>
}>

/** The rounds take seconds; what a request leaves open longer has to begin with round one again. */
const LONGEST_ROUNDS = 3_600_000
const BYTES_PER_PARTICIPANT = 1_024

/** The refresh of this request, begun if it is new. One id, one request. */
function enter(
  ports: Ports,
  refreshes: Sessions<Refresh>,
  { body }: RefreshRequest,
  requestDigest: Digest,
  key: OpenKey,
): Refresh {
  const known = refreshes.find(body.refreshId)
  if (known !== undefined) {
    if (known.requestDigest !== requestDigest) throw new Refusal('refresh.request_invalid')
    return known
  }
  const { participants } = key.certificate.roster.skeleton
  const hosted = participants.filter(({ host }) => host.identity.signKey === ports.vault.identity.signKey).length
  const refresh = { requestDigest, table: new Table(ports), hosted }
  const bytes = participants.length * BYTES_PER_PARTICIPANT
  refreshes.add(body.refreshId, refresh, { expiresAt: body.expiresAt, bytes })
  return refresh
}

/**
 * Makes new shares of a key in the rounds of a DKG. Any host of the key that has its share of the epoch before open takes
 * part, also one that may not sign with it: the outcome is of no use before all have agreed to it (`prepare`, `install`).
 */
export function createRefreshRounds(ports: Ports): Rounds {
  const { shares, clock, log } = ports
  const refreshes = createSessions<Refresh>({
    clock,
    limits: { sessions: 10_000, bytes: 64 << 20, ms: LONGEST_ROUNDS },
    unknown: 'keygen.out_of_order',
    end: ({ table }) => table.wipe(),
  })
  return {
    async round1({ index, attempt, request }) {
      const { keyId, refreshId } = request.body
      const key = shares.get(keyId, index)
      const requestDigest = await verifyRefreshRequest(key, request, clock())
      const { table } = enter(ports, refreshes, request, requestDigest, key)
      const message = await table.round1({ index, attempt }, () =>
        Promise.resolve(makingOf(ports, request, requestDigest, index)),
      )
      log({ event: 'refresh.round', refreshId, index, attempt, round: 1 })
      return { message }
    },

    async round2({ refreshId, index, attempt, messages }) {
      const packages = await refreshes.get(refreshId).table.round2({ index, attempt }, messages)
      log({ event: 'refresh.round', refreshId, index, attempt, round: 2 })
      return { packages: [...packages] }
    },

    async round3({ refreshId, index, attempt, packages }) {
      const { table, hosted } = refreshes.get(refreshId)
      const answer = await table.round3({ index, attempt }, packages)
      if (table.finished() === hosted) refreshes.finish(refreshId)
      log({ event: 'refresh.round', refreshId, index, attempt, round: 3 })
      const { keyId } = answer.certificate.roster.skeleton
      log({ event: 'key.certified', keyId, index, certificateDigest: digestOf('certificate', answer.certificate) })
      return answer
    },
  }
}

/** The share of `index` in the version that the request names. Borrowed, as all that the vault lends. */
function oldShare({ shares }: Ports, { body }: RefreshRequest, index: number): OpenKey {
  const key = shares.get(body.keyId, index)
  if (key.digest !== body.certificateDigest) throw new Refusal('epoch.stale')
  return key
}

function makingOf(ports: Ports, request: RefreshRequest, ceremony: Digest, index: number): Making {
  const { certificate, digest } = oldShare(ports, request, index)
  const { roster, epoch } = certificate
  for (const { host } of roster.skeleton.participants) ports.peers.require(host.identity)
  const frost = ports.mpc.frost(roster.skeleton.scheme)
  return {
    roster,
    ceremony,
    epoch: epoch + 1,
    previous: digest,
    part1: (a) => frost.refreshPart1(a),
    part2: (a) => frost.refreshPart2(a),
    part3: (at, parts) => {
      const old = oldShare(ports, request, at)
      const made = frost.refreshPart3({ ...parts, share: old.share, publicKeys: old.publicKeys })
      // Asked before the certificate is signed, whatever the rounds came to: nobody else can ask it of this share.
      const next = { roster, groupKey: old.certificate.groupKey, publicKeys: toBase64url(made.publicKeys) }
      if (describesKey(ports.mpc, next) && frost.verifyShare(made)) return made
      made.share.fill(0)
      throw new Refusal('certificate.invalid')
    },
    // Since when the uses of its grant are known does not change with the share.
    belongings: (at) => {
      const { sessionSecret, sealedAt } = oldShare(ports, request, at)
      return { sessionSecret, knownSince: sealedAt }
    },
  }
}
