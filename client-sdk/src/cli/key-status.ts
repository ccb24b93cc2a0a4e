import { digestOf } from '@quorate/shared/crypto/sign'
import type { EnclaveIdentity } from '@quorate/shared/wire/identity'
import { QuorateError, refuse } from '../errors.ts'
import type { Key } from '../key.ts'
import type { Quorate } from '../quorate.ts'
import { independenceLines, independenceOf, machineOf, type Place } from './independence.ts'
import type { Session } from './session.ts'
import { bad, field, good, heading, time } from './terminal.ts'

type Proof = Readonly<{ place: Place; provedAt: number | null; code: string | null }>

/** Has the enclave of a share prove itself now. */
async function prove(quorate: Quorate, userId: string, host: EnclaveIdentity, signal: AbortSignal): Promise<Proof> {
  const { enclaveId } = host
  try {
    const { identity, document, presence } = await quorate.attest(enclaveId, { signal })
    // Another enclave of this name holds nothing of the key.
    if (digestOf('identity', identity) !== digestOf('identity', host)) refuse('attestation.invalid')
    const machine = machineOf(document.moduleId)
    const sealing = presence.sealing.provider
    return {
      place: { userId, enclaveId, machine, image: document.pcrs['0'] ?? null, sealing },
      provedAt: document.timestamp,
      code: null,
    }
  } catch (error) {
    if (!(error instanceof QuorateError) || error.code === 'wait.timeout') throw error
    const place = { userId, enclaveId, machine: null, image: null, sealing: null }
    return { place, provedAt: null, code: error.code }
  }
}

/** The epoch in force as the gateway says, verified; null when it says none. */
async function newestEpoch(quorate: Quorate, key: Key, signal: AbortSignal): Promise<number | null> {
  try {
    return (await quorate.latest(key, { signal })).certificate.body.epoch
  } catch (error) {
    if (!(error instanceof QuorateError) || error.code === 'wait.timeout') throw error
    return null
  }
}

/** A key on one screen: who, where, how independent the shares are, epoch, last proof, last use. */
export async function showKeyStatus(session: Session, key: Key): Promise<void> {
  const { terminal, signal, home } = session
  const quorate = await session.quorate(key.gateway)
  const { epoch, roster } = key.certificate.body
  const { participants } = roster.skeleton
  const [newest, ...proofs] = await Promise.all([
    newestEpoch(quorate, key, signal),
    ...participants.map(({ userId, host }) => prove(quorate, userId, host.identity, signal)),
  ])
  const independence = independenceOf(
    key,
    proofs.map(({ place }) => place),
  )
  const used = (await home.history()).filter(({ keyId, event }) => keyId === key.keyId && event === 'completed').at(-1)
  const granted = roster.registrations.flatMap(({ body }) => (body.grant === null ? [] : [body.userId]))
  const [name] = Object.entries(await home.names()).flatMap(([one, keyId]) => (keyId === key.keyId ? [one] : []))
  const { keyId, scheme, threshold, groupKey, gateway } = key
  const value = { keyId, name: name ?? null, state: 'completed', scheme, threshold, groupKey, gateway, epoch, newest }
  terminal.result({ ...value, places: proofs, independence, granted, lastUse: used?.at ?? null }, [
    heading(`key ${keyId}${name === undefined ? '' : ` (${name})`}: completed`),
    field('public key', groupKey),
    field('scheme', `${scheme}, ${threshold} of ${participants.length}`),
    field('gateway', quorate.gateway),
    epochLine(epoch, newest),
    ...proofs.map(proofLine),
    ...(granted.length > 0 ? [field('sign by grant', granted.join(', '))] : []),
    ...independenceLines(independence).map((line, at) => field(at === 0 ? 'shares in' : '', line)),
    field('last use here', used === undefined ? 'none' : `${time(used.at)}, signing ${used.signingId.slice(0, 8)}`),
  ])
}

function epochLine(epoch: number, newest: number | null): string {
  if (newest === null) return field('epoch', `${epoch} here; the gateway says nothing that verifies`)
  return field(
    'epoch',
    newest === epoch ? `${epoch}, which is in force` : `${epoch} here, ${newest} in force: quorate update`,
  )
}

const proofLine = ({ place: { userId, enclaveId }, provedAt, code }: Proof): string =>
  provedAt === null
    ? bad(`${userId}: ${enclaveId} has not proved itself (${code ?? ''})`)
    : good(`${userId}: ${enclaveId} proved itself at ${time(provedAt)}`)
