import { ceremony } from '@quorate/shared/ceremonies/ceremony'
import { EnclaveId, KeyId } from '@quorate/shared/wire/ids'
import * as z from 'zod'
import type { Course, Session } from '../src/engine/course.ts'
import { inOrder } from '../src/engine/machine.ts'

/*
 * A ceremony with every kind of round, and its course: all three hosts say a word, which nobody weighs, the first of the quorum
 * joins the words, and the quorum signs.
 */
const asks = z.strictObject({ words: z.array(z.string()) })
const says = z.strictObject({ word: z.string() })
const toy = ceremony({
  kind: 'toy',
  rounds: {
    gather: { asks, says, who: 'all', loss: 'ask_again', acquainted: true },
    weigh: { who: 'nobody' },
    join: { asks, says, who: 'quorum', loss: 'new_attempt' },
    sign: { asks, says, who: 'quorum', loss: 'new_attempt' },
  },
})

type Words = Readonly<{ words: readonly string[] }>
/** `inStock`: whose word for the first round is there already. */
type Own = Readonly<{ agreed: boolean; inStock: readonly number[] }>
export type ToyTerms = {
  ceremony: typeof toy
  own: Own
  word: boolean
  given: { gather: null; weigh: Words; join: Words; sign: Words }
  result: readonly string[]
  status: string
  lacks: Record<string, never>
  ready: never
}
export type ToySession = Session<ToyTerms>

/** ms since 1970 */
export const EXPIRES = 1_000
export const hosts = ['enclave-1', 'enclave-2', 'enclave-3'].map((id) => EnclaveId.parse(id))
const words = ({ words }: Words) => ({ words: [...words] })

export const toyCourse: Course<ToyTerms> = {
  of: toy,
  first: () => ({ round: 'gather', given: null }),
  lost: 'signing.hosts_lost',
  isAgreed: ({ agreed }) => agreed,
  told: ({ own }, agreed) => ({ then: 'stay', own: { ...own, agreed } }),
  choose: ({ own }, available) => ({
    own,
    quorum: available.length < 2 ? null : available.slice(0, 2).map((id) => hosts.indexOf(id) + 1),
  }),
  question: {
    gather: ({ own }, _, index) => (own.inStock.includes(index) ? null : { words: [] }),
    weigh: () => null,
    join: (_, { given, quorum }, index) => (index === quorum[0] ? words(given) : null),
    sign: (_, { given }) => words(given),
  },
  admits: { gather: (_, { word }) => word !== 'mumble' },
  settle: {
    gather: (_, { said }) => ({
      then: 'begin',
      round: 'weigh',
      given: { words: inOrder([1, 2, 3], said).map(({ word }) => word) },
    }),
    weigh: (_, { given }) => ({ then: 'begin', round: 'join', given }),
    join: (_, { said, quorum }) => ({
      then: 'begin',
      round: 'sign',
      given: { words: inOrder(quorum, said).map(({ word }) => word) },
    }),
    sign: (_, { said, quorum }) => ({ then: 'complete', result: inOrder(quorum, said).map(({ word }) => word) }),
  },
  refused: (_, at, { code, culprits }) => {
    if (code === 'content.invalid') return { then: 'fail', code, culprits }
    return { then: at.round === 'gather' ? 'ask_again' : 'new_attempt' }
  },
  deadline: () => EXPIRES,
  late: (_, awaited) => ({ then: 'fail', code: 'signing.hosts_lost', culprits: awaited }),
  savesRounds: true,
  record: () => ({ audit: [], key: null, durable: false }),
  status: ({ state }) => state.stage.name,
}

export const begunWith = (own: Partial<Own> = {}): ToySession => ({
  id: 't',
  keyId: KeyId.parse('ab'.repeat(16)),
  seats: hosts.map((host, at) => ({ index: at + 1, host })),
  attempt: 0,
  own: { agreed: true, inStock: [], ...own },
  stage: { name: 'waiting' },
})
