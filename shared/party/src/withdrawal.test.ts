import { signBody } from '@quorate/shared/crypto/sign'
import { describe, expect, it } from 'vitest'
import { commitAll, makeKey, type Asked, type MadeKey } from '../test/ceremony.ts'
import { introduceAll, startHosts, type Host } from '../test/host.ts'
import { expectRefusal } from '../test/refused.ts'
import { singleCalls } from '../test/single-calls.ts'

const group = await startHosts({ size: 3 })
await introduceAll(group.members)
const { asked, commit, partial } = singleCalls(group)
const key = await makeKey(group)

/** The word of this participant that the request is taken back. */
const wordOf = (index: number, requestDigest: string) =>
  signBody(key.plan.signers.get(index)!, 'withdrawal', { requestDigest, withdrawnAt: group.clock.now })

async function withdrawAt(
  { plan }: MadeKey<Host>,
  index: number,
  { request, requestDigest }: Asked & { requestDigest: string },
  by = 1,
) {
  const withdrawal = (await wordOf(by, requestDigest)) as never
  return plan.hosts.get(index)!.call('signing.withdraw', { index, request, withdrawal })
}

describe('a request that its asker has withdrawn', () => {
  it('gets no commitment of a host that has heard of it, whatever its approvals, and others still know nothing', async () => {
    const it = await asked(key)
    await withdrawAt(key, 1, it)
    await expectRefusal(commit(key, 1, it, it.approvals), 'signing.withdrawn', [])
    await commit(key, 2, it, it.approvals)
    const other = await asked(key)
    await commit(key, 1, other, other.approvals)
  })

  it('gets no partial of a host that has committed to it before, and the nonce is not spent', async () => {
    const it = await asked(key)
    const commitments = await commitAll(key, it, it.approvals, [1, 2])
    await withdrawAt(key, 2, it)
    await withdrawAt(key, 2, it)
    await expectRefusal(partial(key, 2, it, it.approvals, commitments), 'signing.withdrawn', [])
    const { signingId } = it.request.body
    const spent = key.plan.hosts
      .get(2)!
      .events.filter((event) => event.event === 'nonce.spent' && event.signingId === signingId)
    expect(spent).toEqual([])
  })

  it('is withdrawn by nobody else, and by no word on another request', async () => {
    const it = await asked(key)
    const other = await asked(key)
    await expectRefusal(withdrawAt(key, 1, it, 2), 'signing.withdrawal_invalid')
    const mixed = { ...it, requestDigest: other.requestDigest }
    await expectRefusal(withdrawAt(key, 1, mixed), 'signing.withdrawal_invalid')
    const forged = { ...it, request: { ...it.request, signature: other.request.signature } }
    await expectRefusal(withdrawAt(key, 1, forged), 'signing.request_invalid')
    await commit(key, 1, it, it.approvals)
  })
})
