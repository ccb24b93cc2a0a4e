import type { Signing } from '../signing/signing.ts'
import { describeItem } from './content.ts'
import type { Session } from './session.ts'
import { field, heading } from './terminal.ts'
import { UsageError } from './usage.ts'
import { waitingLines } from './waiting.ts'

/*
 * What a person looks at before saying a word on a signing, and the question.
 */

export const signingLines = ({ signingId, key, asker, expiresAt, items }: Signing): string[] => [
  heading(`${asker} asks for ${items.length === 1 ? 'a signature' : `${items.length} signatures`}`),
  field('signing', signingId),
  field('key', key.keyId),
  field('expires', new Date(expiresAt).toISOString()),
  ...items.flatMap((item, at) => [
    ...(items.length > 1 ? [field('item', `${at + 1} of ${items.length}`)] : []),
    ...describeItem(item),
  ]),
]

/** Shows what is asked, and whose word is missing. */
export async function showAsked({ terminal, signal }: Session, signing: Signing): Promise<void> {
  const waiting = await signing.waitingFor({ signal })
  for (const line of [...signingLines(signing), ...waitingLines(waiting, signing.items.length)]) terminal.progress(line)
}

/** Throws `UsageError` unless a person says yes. */
export async function confirmSigning({ terminal }: Session, what: string): Promise<void> {
  const answer = await terminal.ask(`Sign ${what}? [y/N] `)
  if (answer === null) throw new UsageError('nobody is here to answer: look at the request, then say --yes or --reject')
  if (!/^y(es)?$/i.test(answer.trim())) throw new UsageError('not approved; to tell the others, use --reject')
}
