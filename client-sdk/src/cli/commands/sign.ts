import type { Command } from 'commander'
import { toHex } from '@quorate/shared/wire/bytes'
import type { Key } from '../../key.ts'
import { signatureProof } from '../../signing/proof.ts'
import { refusedItems, requireSigned, type ItemOutcome, type SignatureResult } from '../../signing/result.ts'
import type { Signing } from '../../signing/signing.ts'
import { readContent, type ContentOptions } from '../content.ts'
import { keepProof, requireWritable } from '../proof-file.ts'
import { milliseconds, openSession, type Session, type World } from '../session.ts'
import { bad, field, good, time } from '../terminal.ts'
import { addModeOptions } from '../mode.ts'
import { bringUpToDate } from '../up-to-date.ts'

type Options = ContentOptions & Readonly<{ expires: string; out?: string; wait: boolean }>

export const addContentOptions = (command: Command): Command =>
  addModeOptions(command)
    .option('--file <file>', 'the bytes of this file, or - for stdin')
    .option('--hex', 'MESSAGE, or the file, is hex')
    .option('--raw', 'sign exactly these bytes, for other systems: the key must be one for `raw`')
    .option('--nostr-event <file>', 'a Nostr event (NIP-01) as JSON: kind, content, tags, created_at')
    .option('--subgroup <name>', 'of those participants whose sub-group has this name, under their own key')
    .option('--untweaked', 'under the group key itself, where the key was made to sign under another')
    .option('--adaptor <point>', 'a pre-signature for this point, in hex, or for the terms in this file (JSON)')

const wanted = (key: Key, { subgroup }: ContentOptions): string =>
  subgroup === undefined
    ? `${key.threshold} of ${key.participants.length}`
    : `all of ${key.subgroup(subgroup).members.join(', ')}`

/** `quorate sign`: ask, wait, verify. */
export function addSign(program: Command, world: World): void {
  addContentOptions(
    program
      .command('sign')
      .argument('<key>', 'the key id, or its beginning')
      .argument('[message]', 'the text to sign')
      .description('ask for a signature and wait until enough participants have approved'),
  )
    .option('--expires <time>', 'how long the others have to approve', '10m')
    .option('--out <file>', 'write signature, content and receipts: a proof that verifies offline')
    .option('--no-wait', 'ask and leave; `quorate status SIGNING` shows the signature')
    .addHelpText(
      'after',
      '\nExamples:\n  quorate sign 3f2a "hello" --as alice\n  quorate sign 3f2a --file release.tar --out release.proof.json\n' +
        '  quorate sign 3f2a --nostr-event note.json\n  quorate sign 3f2a --raw --hex 9f86…',
    )
    .action(async (id: string, message: string | undefined, options: Options, command: Command) => {
      const session = openSession(command, world)
      await requireWritable(options.out)
      const kept = await session.home.key(id)
      const item = await readContent(message, options, kept)
      const me = await session.participant(kept.gateway)
      const key = await bringUpToDate(session, me, kept)
      const expiresIn = milliseconds(options.expires)
      const signing = await me.requestSignature(key, item, { expiresIn, signal: session.signal })
      announce(session, signing, wanted(key, options))
      await session.home.note('requested', me.userId, signing)
      if (!options.wait) {
        session.terminal.result({ event: 'requested', signingId: signing.signingId, keyId: key.keyId }, [
          field('signing', signing.signingId),
        ])
        return
      }
      await finishSigning(session, key, signing, options.out)
    })
}

/** Says what the others are to do, and what goes on without this command. */
function announce({ terminal, goesOn }: Session, { signingId, expiresAt }: Signing, wanted: string): void {
  terminal.progress(`signing ${signingId}: waiting for ${wanted}`)
  terminal.progress(`the others approve with: quorate approve ${signingId}`)
  goesOn(
    `signing ${signingId} goes on until ${time(expiresAt)}: \`quorate status ${signingId} --wait\` waits for it, \`quorate withdraw\` takes it back`,
  )
}

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
