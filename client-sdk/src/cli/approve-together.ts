import { decideAll } from '@quorate/shared/consent/decisions'
import type { Key } from '../key.ts'
import { confirmSigning, showAsked } from './deciding.ts'
import { findSigning, type Found } from './finding.ts'
import { unlessTooLate } from './over.ts'
import type { Session } from './session.ts'
import { signingNamed } from './signing-named.ts'
import { good } from './terminal.ts'
import { requireOneGateway, settledAt, settleEach } from './together.ts'
import { bringUpToDate } from './up-to-date.ts'

type Options = Readonly<{ yes?: boolean; reject?: string | boolean }>

/** The signings that are named, each once. Throws why one is not found. */
export async function allFound(session: Session, keys: readonly Key[], ids: readonly string[]): Promise<Found[]> {
  const found = new Map<string, Found>()
  for (const id of ids) {
    const one = await findSigning(session, keys, await signingNamed(session, id))
    found.set(one.signing.signingId, one)
  }
  return [...found.values()]
}

/** Throws why a word was not taken. */
const given = (word: PromiseSettledResult<void> | undefined): Promise<void> =>
  word?.status === 'rejected' ? Promise.reject(word.reason as Error) : Promise.resolve()

/** One look at all of them, and one answer, in one call. Throws the worst of what failed, once the others are answered. */
export async function approveTogether(session: Session, found: readonly Found[], options: Options): Promise<void> {
  const { terminal, signal } = session
  const signings = found.map(({ signing }) => signing)
  const keys = signings.map(({ key }) => key)
  requireOneGateway(session, keys)
  const { reject = false } = options
  const decision = reject === false ? 'approve' : 'reject'
  for (const signing of signings) await showAsked(session, signing)
  if (decision === 'approve') {
    for (const { me, signing } of found) await bringUpToDate(session, me, signing.key)
    if (options.yes !== true) await confirmSigning(session, `all ${signings.length}`)
  }
  const said = await found[0]?.me.decideTogether(signings, {
    decisionsOn: ({ items }) => decideAll(items, decision),
    reason: typeof reject === 'string' ? reject : null,
    signal,
  })
  const event = decision === 'approve' ? 'approved' : 'rejected'
  const told = await settleEach([...found.entries()], ([at, one]) =>
    unlessTooLate(session, one, decision === 'reject', async () => {
      const { me, signing } = one
      await given(said?.[at])
      const { signingId, items } = signing
      terminal.result({ event, signingId, userId: me.userId, items, decisions: decideAll(items, decision) }, [
        good(`${event} ${signingId} as ${me.userId}`),
      ])
    }),
  )
  const { failure } = settledAt(session, keys, told)
  if (failure !== null) throw failure
}
