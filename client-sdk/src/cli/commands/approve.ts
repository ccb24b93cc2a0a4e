import { decideAll } from '@quorate/shared/consent/decisions'
import type { Decision } from '@quorate/shared/wire/consent'
import type { Command } from 'commander'
import { QuorateError } from '../../errors.ts'
import { sleep } from '../../http/retry.ts'
import type { Key } from '../../key.ts'
import type { Participant } from '../../participant.ts'
import type { Signing } from '../../signing/signing.ts'
import { describeItem } from '../content.ts'
import { readNumbers, writeNumbers } from '../item-numbers.ts'
import { openSession, type Session, type World } from '../session.ts'
import { field, good, heading } from '../terminal.ts'
import { bringUpToDate, withNewest } from '../up-to-date.ts'
import { waitingLines } from '../waiting.ts'
import { UsageError, wholeId } from '../usage.ts'

type Options = Readonly<{ key?: string; wait?: boolean; yes?: boolean; items?: string; reject?: string | boolean }>

/** `quorate approve`: look at what is asked, then say yes or no. */
export function addApprove(program: Command, world: World): void {
  program
    .command('approve')
    .argument('[signing]', 'the signing id')
    .description('show what is to be signed, and approve or reject it')
    .option('--wait', 'wait for the next request to a key of this machine')
    .option('--key <key>', 'only this key')
    .option('-y, --yes', 'approve without asking: for scripts that have looked with `quorate status`')
    .option('--items <numbers>', 'approve these, such as 1,3-5, and reject the others')
    .option('--reject [reason]', 'reject all instead; the gateway and the others can read the reason')
    .addHelpText(
      'after',
      '\nExamples:\n  quorate approve 8d3c… --as bob\n  quorate approve --wait --as bob\n  quorate approve 8d3c… --items 1,3-5 --as bob',
    )
    .action(async (signingId: string | undefined, options: Options, command: Command) => {
      const session = openSession(command, world)
      if ((signingId === undefined) === (options.wait !== true))
        throw new UsageError('which signing? Give its id, or --wait for the next one')
      if (options.items !== undefined && rejectsAll(options))
        throw new UsageError('--items approves what it names, and --reject rejects all: say one of them')
      const keys = await keysOf(session, options.key)
      const { me, signing } =
        signingId === undefined
          ? await nextSigning(session, keys)
          : await findSigning(session, keys, wholeId(signingId))
      await decide(session, me, signing, options)
    })
}

async function keysOf({ home }: Session, id?: string): Promise<Key[]> {
  const ids = id === undefined ? await home.keys() : [id]
  if (ids.length === 0) throw new UsageError(`no keys in ${home.path}: \`quorate participate\` makes you part of one`)
  return Promise.all(ids.map((keyId) => home.key(keyId)))
}

type Found = Readonly<{ me: Participant; signing: Signing }>

/** A signing id does not say of which key it is: each key's session secret is tried. The key may have been refreshed since it was kept. */
export async function findSigning(session: Session, keys: readonly Key[], signingId: string): Promise<Found> {
  for (const key of keys) {
    const me = await session.participant(key.gateway)
    try {
      const { signal } = session
      return { me, signing: await withNewest(session, me, key, (newest) => me.signing(newest, signingId, { signal })) }
    } catch (error) {
      const elsewhere = error instanceof QuorateError && /^(request|key)\.(not_found|unauthorized)$/.test(error.code)
      if (!elsewhere) throw error
    }
  }
  throw new QuorateError('request.not_found', 'gateway')
}

/** The first request that waits for this participant, at whichever key. */
async function nextSigning(session: Session, keys: readonly Key[]): Promise<Found> {
  const { timeout = Infinity, signal } = session.waiting()
  const stop = new AbortController()
  const both = AbortSignal.any([
    signal,
    stop.signal,
    ...(Number.isFinite(timeout) ? [AbortSignal.timeout(timeout)] : []),
  ])
  session.terminal.progress(`waiting for a request to ${keys.length === 1 ? 'the key' : `${keys.length} keys`} …`)
  const watchKey = async (kept: Key): Promise<Found> => {
    const me = await session.participant(kept.gateway)
    let key = await bringUpToDate(session, me, kept)
    for (;;) {
      const [signing] = await withNewest(session, me, key, (newest) => {
        key = newest
        return me.pendingSignings(newest, { wait: 25_000, signal: both })
      })
      if (signing !== undefined) return { me, signing }
      // What has been answered already is still pending for the others, so that the gateway answers at once.
      await sleep(1_000, both)
    }
  }
  try {
    return await Promise.race(keys.map(watchKey))
  } catch (error) {
    if (error instanceof DOMException && error.name === 'TimeoutError') throw new QuorateError('wait.timeout', 'client')
    throw error
  } finally {
    stop.abort()
  }
}

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

const rejectsAll = ({ reject = false }: Options): boolean => reject !== false

/** What is said of each item. Throws `UsageError` for numbers that are none of the items. */
function decisionsOn({ items }: Signing, { items: wanted, ...options }: Options): Decision[] {
  if (wanted === undefined) return decideAll(items, rejectsAll(options) ? 'reject' : 'approve')
  const numbers = new Set(readNumbers(wanted, items.length))
  return items.map((_, at) => (numbers.has(at + 1) ? 'approve' : 'reject'))
}

async function decide(session: Session, me: Participant, signing: Signing, options: Options): Promise<void> {
  const { terminal, signal } = session
  const decisions = decisionsOn(signing, options)
  const waiting = await signing.waitingFor({ signal })
  for (const line of [...signingLines(signing), ...waitingLines(waiting, signing.items.length)]) terminal.progress(line)
  const approved = decisions.flatMap((decision, at) => (decision === 'approve' ? [at + 1] : []))
  const isWhole = approved.length === decisions.length
  if (approved.length > 0) {
    await bringUpToDate(session, me, signing.key)
    if (options.yes !== true)
      await confirm(session, isWhole ? 'this' : `item ${writeNumbers(approved)}, and reject the others`)
  }
  const reason = typeof options.reject === 'string' ? options.reject : null
  await me.decide(signing, decisions, { reason, signal })
  const event = approved.length > 0 ? 'approved' : 'rejected'
  const which =
    isWhole || approved.length === 0
      ? ''
      : ` ${writeNumbers(approved)} of ${decisions.length}, and rejected the others,`
  terminal.result({ event, signingId: signing.signingId, userId: me.userId, items: signing.items, decisions }, [
    good(`${event}${which} as ${me.userId}`),
  ])
}

async function confirm({ terminal }: Session, what: string): Promise<void> {
  const answer = await terminal.ask(`Sign ${what}? [y/N] `)
  if (answer === null) throw new UsageError('nobody is here to answer: look at the request, then say --yes or --reject')
  if (!/^y(es)?$/i.test(answer.trim())) throw new UsageError('not approved; to tell the others, use --reject')
}
