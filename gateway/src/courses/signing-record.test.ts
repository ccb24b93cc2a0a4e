import type { KeyId } from '@quorate/shared/wire/ids'
import { expect, it } from 'vitest'
import { signingCourse } from './signing.ts'
import type { SigningOwn, SigningSession } from './signing-terms.ts'

const own = { approvals: {}, key: { owners: [] }, request: { body: {} } } as unknown as SigningOwn

/** What a signing writes depends on its stage and attempt alone, so that markers will do for the rest. */
const stagedAt = (stage: object, attempt = 1) =>
  ({ id: 's', keyId: 'k' as KeyId, seats: [], attempt, own, stage }) as SigningSession
const asking = (round: string) => ({ name: 'asking', round, quorum: [1, 2] })

const waiting = stagedAt({ name: 'waiting' }, 0)
const way = [
  waiting,
  stagedAt(asking('commit')),
  stagedAt(asking('partial')),
  stagedAt({ name: 'waiting' }),
  stagedAt(asking('commit'), 2),
  stagedAt({ name: 'completed', quorum: [1, 2], result: { receipts: [], results: [] } }, 2),
]
const written = way.map((s, at) => signingCourse.record(way[at - 1] ?? null, s, 7))

it('has on the disk who agreed before any host is asked, and how the signing ended before anybody hears of it', () => {
  expect(written.map(({ durable }) => durable)).toEqual([false, true, false, false, true, true])
  expect(written.map(({ audit }) => audit.map(({ event }) => event))).toEqual([
    [],
    ['signing.begun'],
    [],
    [],
    ['signing.begun'],
    ['signing.completed'],
  ])
  expect(signingCourse.record(null, stagedAt(asking('aggregate')), 7)).toMatchObject({
    durable: false,
    audit: [{ event: 'signing.begun' }],
  })
  const failed = stagedAt({ name: 'failed', code: 'signing.rejected', culprits: [2] })
  expect(signingCourse.record(waiting, failed, 7)).toMatchObject({
    durable: true,
    audit: [{ event: 'signing.failed', detail: { code: 'signing.rejected', culprits: [2] } }],
  })
})
