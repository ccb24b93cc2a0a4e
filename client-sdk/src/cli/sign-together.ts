import type { Key } from '../key.ts'
import type { Wish } from '../signing/ask.ts'
import { readContent, type ContentOptions } from './content.ts'
import { milliseconds, type Session } from './session.ts'
import { announce, finishSigning, showRequested } from './signings.ts'
import { requireOneGateway, settledAt, settleEach } from './together.ts'
import { bringUpToDate } from './up-to-date.ts'
import { UsageError } from './usage.ts'

type Options = ContentOptions & Readonly<{ expires: string; out?: string; wait: boolean }>

/** The keys of a list with commas, each once. Throws `UsageError`. */
export async function keysNamed({ home }: Session, list: string): Promise<[Key, ...Key[]]> {
  const named: Key[] = []
  for (const id of list.split(',')) named.push(await home.key(id.trim()))
  const [first, ...others] = [...new Map(named.map((key) => [key.keyId, key])).values()]
  if (first === undefined) throw new UsageError('which key?')
  return [first, ...others]
}

/** The same under each of these keys, asked for in one call. Throws the worst of what failed, once all others are signed. */
export async function signTogether(
  session: Session,
  keys: readonly [Key, ...Key[]],
  message: string | undefined,
  options: Options,
): Promise<void> {
  if (options.out !== undefined)
    throw new UsageError('--out keeps the proof of one key: `quorate status SIGNING --out FILE` writes that of each')
  if (options.file === '-') throw new UsageError('what comes from standard input is signed by one key: name a file')
  requireOneGateway(session, keys)
  const { signal, home, terminal } = session
  const me = await session.participant(keys[0].gateway)
  const wishes: Wish[] = []
  for (const kept of keys) {
    const what = await readContent(message, options, kept)
    wishes.push({ key: await bringUpToDate(session, me, kept), what })
  }
  const asked = await me.requestSignatures(wishes, { expiresIn: milliseconds(options.expires), signal })
  const { given: signings, failure: refused } = settledAt(session, keys, asked)
  announce(session, signings, options.subgroup)
  for (const signing of signings) await home.note('requested', me.userId, signing)
  if (!options.wait) {
    for (const signing of signings) showRequested(session, signing)
    if (refused !== null) throw refused
    return
  }
  const ended = await settleEach(signings, async (signing) => {
    terminal.progress(`key ${signing.key.keyId}:`)
    await finishSigning(session, signing.key, signing)
  })
  const ofSignings = signings.map(({ key }) => key)
  const failure = settledAt(session, ofSignings, ended).failure ?? refused
  if (failure !== null) throw failure
}
