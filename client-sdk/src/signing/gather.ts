/** One of several callers, whose questions go out together. */
export type Place<Q, A> = Readonly<{
  ask: (question: Q) => Promise<A>
  /** It asks nothing any more: the others need not wait for it. */
  leave: () => void
}>

/** What came of one question: an answer, or why there is none. */
export type Reply<A> = Readonly<{ answer: A } | { refused: unknown }>

type Waiting<Q, A> = Readonly<{ question: Q; settle: (reply: Reply<A>) => void }>

/**
 * Places for so many callers, each of which asks one question at a time. Whenever all that have not left have asked, `send` is given their
 * questions, and gives a reply to each in their order.
 */
export function gather<Q, A>(
  callers: number,
  send: (questions: readonly Q[]) => Promise<readonly Reply<A>[]>,
): Place<Q, A>[] {
  let waiting: Waiting<Q, A>[] = []
  let present = callers

  async function sendAll(): Promise<void> {
    const sent = waiting
    waiting = []
    const replies = await send(sent.map(({ question }) => question)).catch((refused: unknown) =>
      sent.map(() => ({ refused })),
    )
    for (const [at, { settle }] of sent.entries()) settle(replies[at] ?? { refused: new Error('no reply') })
  }
  function sendOnceAllAreThere(): void {
    if (waiting.length > 0 && waiting.length === present) void sendAll()
  }

  return Array.from({ length: callers }, (): Place<Q, A> => {
    let isPresent = true
    return {
      ask: (question) =>
        new Promise((resolve, reject) => {
          const settle = (reply: Reply<A>) => {
            if ('answer' in reply) resolve(reply.answer)
            // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what `send` was refused with
            else reject(reply.refused)
          }
          waiting.push({ question, settle })
          sendOnceAllAreThere()
        }),
      leave() {
        if (!isPresent) return
        isPresent = false
        present -= 1
        sendOnceAllAreThere()
      },
    }
  })
}
