import { Refusal } from '@quorate/shared/errors'
import type { Withdrawal } from '@quorate/shared/wire/signing'
import type { SigningSession } from '../courses/signing-terms.ts'
import { afterMending } from '../engine/ask.ts'
import type { Events } from '../events.ts'
import { restoreShare } from '../keys/restore-share.ts'
import type { Tools } from './tools.ts'

type Told = Readonly<{ index: number; host: SigningSession['seats'][number]['host'] }>

/**
 * Tells each host of a signing once that its asker takes it back. A host that is away hears nothing of it: the gateway itself asks it for
 * nothing more of this signing.
 */
export function createTelling(tools: Tools, events: Pick<Events, 'hostFailed' | 'faulted'>) {
  const { hosts, timeoutMs } = tools
  const tellOne = async ({ index, host }: Told, { keyId, own }: SigningSession, withdrawal: Withdrawal) => {
    const restore = () => restoreShare(tools, keyId, { index, host })
    await afterMending('key.unknown', restore, () =>
      hosts.ask(host, 'signing.withdraw', { index, request: own.request, withdrawal }, timeoutMs),
    )
  }
  return (s: SigningSession, withdrawal: Withdrawal): void => {
    const first = new Map(s.seats.map((seat) => [seat.host, seat]))
    for (const seat of first.values())
      tellOne(seat, s, withdrawal).catch((error: unknown) => {
        if (error instanceof Refusal) events.hostFailed({ host: seat.host, code: error.code })
        else events.faulted({ where: 'signing', error })
      })
  }
}
