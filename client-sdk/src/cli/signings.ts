import { toHex } from '@quorate/shared/wire/bytes'
import type { Key } from '../key.ts'
import { signatureProof } from '../signing/proof.ts'
import { refusedItems, requireSigned, type ItemOutcome, type SignatureResult } from '../signing/result.ts'
import type { Signing } from '../signing/signing.ts'
import { keepProof } from './proof-file.ts'
import type { Session } from './session.ts'
import { bad, field, good, time } from './terminal.ts'

/*
 * Signings that were asked for here: what people are told of them, and how they end.
 */

const wanted = (key: Key, subgroup: string | undefined): string =>
  subgroup === undefined
    ? `${key.threshold} of ${key.participants.length}`
    : `all of ${key.subgroup(subgroup).members.join(', ')}`

/** Says what the others are to do, and what goes on without this command. */
export function announce({ terminal, goesOn }: Session, signings: readonly Signing[], subgroup?: string): void {
  for (const { signingId, key } of signings)
    terminal.progress(`signing ${signingId}: waiting for ${wanted(key, subgroup)}`)
  const ids = signings.map(({ signingId }) => signingId)
  terminal.progress(`the others approve with: quorate approve ${ids.join(' ')}`)
  const first = Math.min(...signings.map(({ expiresAt }) => expiresAt))
  const which = signings.length === 1 ? `signing ${ids.join()} goes on` : `${ids.length} signings go on`
  const named = signings.length === 1 ? ids.join() : 'SIGNING'
  goesOn(
    `${which} until ${time(first)}: \`quorate status ${named} --wait\` waits for it, \`quorate withdraw\` takes it back`,
  )
}

/** For who does not wait. */
export const showRequested = ({ terminal }: Session, { signingId, key }: Signing): void =>
  terminal.result({ event: 'requested', signingId, keyId: key.keyId }, [field('signing', signingId)])

/** Waits for the end, verifies, shows and keeps it. Throws `ItemsRefused` when an item has no signature. */
export async function finishSigning(session: Session, key: Key, signing: Signing, out?: string): Promise<void> {
  const onAskedAgain = (next: Signing) =>
    session.terminal.progress(`no enclave knew the epoch: asked once more, as signing ${next.signingId}`)
  const result = await signing.completed({ signal: session.signal, onAskedAgain })
  showResult(session, key, result)
  await session.home.note('completed', signing.asker, signing)
  if (out !== undefined) await keepProof(session.terminal, out, signatureProof(result))
  requireSigned(result.items, result.rejections)
}

function showResult({ terminal }: Session, key: Key, { request, items, receipts }: SignatureResult): void {
  const quorum = receipts.map(({ body }) => key.participants[body.index - 1] ?? '')
  const signed = items.filter((item) => item.refused === null)
  const value = {
    event: 'completed',
    signingId: request.body.signingId,
    keyId: key.keyId,
    quorum,
    signatures: items.map((item) => (item.refused === null && item.signature ? toHex(item.signature) : null)),
    preSignatures: items.map((item) =>
      item.refused === null && item.preSignatures ? item.preSignatures.map(toHex) : null,
    ),
    publicKeys: items.map((item) => (item.refused === null ? item.publicKey : null)),
    events: items.map((item) => (item.refused === null ? item.event : null)),
    refused: refusedItems(items),
  }
  const isPre = signed.some(({ signature }) => signature === null)
  const name = isPre ? 'pre-signature' : 'signature'
  const count = signed.length === 1 ? `the ${name}` : `${signed.length} signatures${isPre ? ' or pre-signatures' : ''}`
  terminal.result(value, [
    ...(signed.length > 0 ? [good(`verified: ${count}, and a receipt of each host`)] : []),
    ...items.flatMap((item, at) => outcomeLines(key, item, at)),
    field('signed by', `the shares of ${quorum.join(', ')}`),
  ])
}

/** What became of item `at` (0…). */
export function outcomeLines(key: Key, item: ItemOutcome, at: number): string[] {
  if (item.refused === null)
    return [
      ...(item.signature === null
        ? item.preSignatures.map((one) => field('pre-signature', toHex(one)))
        : [field('signature', toHex(item.signature))]),
      field('public key', item.publicKey),
      ...(item.event === null ? [] : [field('event', JSON.stringify(item.event))]),
    ]
  const nameOf = (index: number) => key.participants[index - 1] ?? String(index)
  const refusals = item.refusals.map(({ index, code }) => `${nameOf(index)} (${code})`)
  return [
    bad(`item ${at + 1} has no signature: ${item.refused}`),
    field('refused by', `the hosts of ${refusals.join(', ')}`),
    ...(item.culprits.length > 0 ? [field('to blame', item.culprits.map(nameOf).join(', '))] : []),
  ]
}
