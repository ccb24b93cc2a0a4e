import { digestOf, verifyBody } from '@quorate/shared/crypto/sign'
import { Refusal } from '@quorate/shared/errors'
import { isRoundOneOf, isRoundTwoOf, type RoundFrame } from '@quorate/shared/verify/rounds'
import type { RoundName } from '@quorate/shared/ceremonies/ceremony'
import type { HostId, Seat } from '@quorate/shared/wire/host'
import type { CertificateBody } from '@quorate/shared/wire/certificate'
import type { SignKey } from '@quorate/shared/wire/ids'
import type { RoundOne, RoundTwo } from '@quorate/shared/wire/keygen'
import type { Prepared } from '@quorate/shared/wire/refresh'
import { rosterOf } from '../courses/keygen.ts'
import type { KeygenSession, KeygenTerms } from '../courses/keygen-terms.ts'
import { isWhole, type Certified } from '../courses/dkg.ts'
import { afterMending, type Aid, type Mend } from '../engine/ask.ts'
import { bringShare } from '../keys/restore-share.ts'
import { verifyInstalled, verifyPrepared } from './epoch-change.ts'
import type { Tools } from './tools.ts'

type Telling = Pick<Tools, 'hosts' | 'timeoutMs'>
type Recalling = Telling & Pick<Tools, 'recall'>
type Agreed = Readonly<{ certified: Certified; prepared: readonly Prepared[] }>

/** What all hosts have prepared, when they have. */
function agreedIn({ stage }: KeygenSession): Agreed | null {
  if (stage.name !== 'asking') return null
  if (stage.round === 'install') return { certified: stage.given, prepared: stage.given.prepared }
  if (stage.round !== 'prepare' || stage.given.before === null) return null
  return { certified: stage.given, prepared: stage.given.before }
}

/** Gives a host its share again, which is with no key yet. */
async function bringAgreed(tools: Telling, s: KeygenSession, seat: Seat): Promise<void> {
  const agreed = agreedIn(s)
  // Not all have prepared it: so nobody has installed it, and another attempt is the way.
  if (agreed === null) throw new Refusal('key.unknown')
  await bringShare(tools, { ...agreed.certified, prepared: agreed.prepared }, seat)
}

function mendsOf(tools: Recalling, round: RoundName<KeygenTerms['ceremony']>): readonly Mend<KeygenTerms>[] {
  const share: Mend<KeygenTerms> = ['key.unknown', (s, seat) => bringAgreed(tools, s, seat)]
  const epoch: Mend<KeygenTerms> = [
    'epoch.unproven',
    async (s, seat) => {
      const trouble = await tools.recall(seat, { keyId: s.keyId, lineage: digestOf('roster', rosterOf(s)) }, s.seats)
      // One that may have installed is there, and was not heard: another attempt would end with it.
      if (agreedIn(s) !== null && trouble !== null) throw trouble
    },
  ]
  switch (round) {
    case 'round1':
    case 'accept':
      return [['keygen.unknown', (s, { host }) => remind(tools, s, host)]]
    case 'round2':
    case 'round3':
      return []
    case 'prepare':
      return [share, epoch]
    case 'install':
      return [share]
  }
}

/** Tells a host again what it knew of this keygen before it restarted. */
async function remind({ hosts, timeoutMs }: Telling, s: KeygenSession, host: HostId): Promise<void> {
  const { plan } = s.own
  if (plan.name !== 'fixed') throw new Refusal('keygen.unknown')
  const sealed = plan.inits.find(({ enclaveId }) => enclaveId === host)?.sealed ?? ''
  await hosts.ask(host, 'keygen.init', { skeleton: plan.skeleton, sealed }, timeoutMs)
  for (const seat of s.seats) {
    const registered = plan.registrations[seat.index]
    if (seat.host !== host || !registered) continue
    await hosts.ask(host, 'keygen.register', { keyId: s.keyId, sealed: registered.sealed }, timeoutMs)
  }
}

/** Runs `call`, and once more after the host has been told of the keygen, should it have forgotten. */
export const reminding = <T>(tools: Telling, s: KeygenSession, host: HostId, call: () => Promise<T>): Promise<T> =>
  afterMending('keygen.unknown', () => remind(tools, s, host), call)

/** Throws `keygen.bad_package` when a host did not sign its message of this attempt: the others would not know whom to blame. */
export async function verifyMessage(frame: RoundFrame, index: number, message: RoundOne): Promise<void> {
  if (!(await isRoundOneOf(frame, index, message))) throw new Refusal('keygen.bad_package', [index])
}

/** Throws `keygen.bad_package` when a host did not sign one package for each of the others, over the messages that it was shown. */
export async function verifyPackages(
  frame: RoundFrame,
  index: number,
  messages: readonly RoundOne[],
  packages: readonly RoundTwo[],
): Promise<void> {
  const transcript = digestOf('transcript', messages)
  const indices = frame.skeleton.participants.map((participant) => participant.index)
  const isOver = packages.every(({ body }) => body.transcript === transcript)
  const signed = await Promise.all(packages.map((message) => isRoundTwoOf(frame, index, message)))
  if (!isWhole(indices, index, packages) || !isOver || signed.includes(false))
    throw new Refusal('keygen.bad_package', [index])
}

type Signed = Readonly<{ certificate: CertificateBody; signature: string }>

/** Throws `keygen.certificate_mismatch` when a host certified another key, or did not sign what it certified. */
export async function verifyCertified(
  { certificate: body, signature }: Signed,
  {
    index,
    signKey,
    accepts,
  }: Readonly<{ index: number; signKey: SignKey; accepts: (body: CertificateBody) => boolean }>,
): Promise<void> {
  if (!accepts(body) || !(await verifyBody(signKey, 'certificate', { body, signature })))
    throw new Refusal('keygen.certificate_mismatch', [index])
}

/** Is this the roster that the people fixed? */
const isRosterOf = (s: KeygenSession, { roster }: CertificateBody): boolean =>
  digestOf('roster', roster) === digestOf('roster', rosterOf(s))

const frameOf = (s: KeygenSession): RoundFrame => {
  const roster = rosterOf(s)
  return { skeleton: roster.skeleton, ceremony: digestOf('roster', roster), attempt: s.attempt }
}

async function verifyOwn(s: KeygenSession, { index, says }: Readonly<{ index: number; says: Signed }>): Promise<void> {
  const signKey = s.own.people[index - 1]?.identity.signKey
  if (signKey === undefined) throw new Refusal('internal')
  return verifyCertified(says, { index, signKey, accepts: (body) => isRosterOf(s, body) })
}

export const createKeygenAid = (tools: Recalling): Aid<KeygenTerms> => ({
  mends: (round) => mendsOf(tools, round),
  verify: {
    round1: (s, _, { index, says }) => verifyMessage(frameOf(s), index, says.message),
    round2: (s, { given }, { index, says }) => verifyPackages(frameOf(s), index, given.messages, says.packages),
    round3: (s, _, answer) => verifyOwn(s, answer),
    accept: (s, _, answer) => verifyOwn(s, answer),
    prepare: (_, { given }, answer) => verifyPrepared(given, answer),
    install: (_, { given }, answer) => verifyInstalled(given, answer),
  },
})
