import type { RouteBody } from '@quorate/shared/wire/routes/table'
import type { SigningEntry } from '@quorate/shared/wire/routes/together'

type One = (asked: never) => unknown

/** Several in one call: each as if it had come alone. */
export const togetherHandlers = ({ request, approve }: Readonly<{ request: One; approve: One }>) => {
  const entryOf = async (handle: One, asked: object): Promise<SigningEntry> => {
    const reply = (await handle(asked as never)) as
      { problem: Extract<SigningEntry, { code: string }>['code'] } | Extract<SigningEntry, { state: string }>
    return 'problem' in reply
      ? { code: reply.problem, culprits: [] }
      : { signingId: reply.signingId, state: reply.state }
  }
  const all = async <T>(of: readonly T[], handle: One, asked: (one: T) => object) => {
    const signings: SigningEntry[] = []
    for (const one of of) signings.push(await entryOf(handle, asked(one)))
    return { signings }
  }
  return {
    requestSignings: ({ body }: { body: RouteBody<'requestSignings'> }) =>
      all(body.requests, request, (one) => ({ body: one })),
    approveSignings: ({ body }: { body: RouteBody<'approveSignings'> }) =>
      all(body.approvals, approve, ({ signingId, approval }) => ({ params: { signingId }, body: approval })),
  }
}
