import { expect, it } from 'vitest'
import { enrol, runDkg } from '../test/ceremony.ts'
import { introduceAll, startHosts, type Host } from '../test/host.ts'
import { draw, initFor, registrationFor, sealFor, type Plan } from '../test/people.ts'

/** As many as the memory of a host for keygens of 32 people holds. */
const FULL = 2_048
const users = Array.from({ length: 32 }, (_, at) => `stranger-${at}`)

it('a stranger whose keygens fill a host keeps nobody from making a key', { timeout: 600_000 }, async () => {
  const group = await startHosts({ size: 3 })
  await introduceAll(group.members)
  const week = group.clock.now + 7 * 86_400_000
  const [host] = group.members
  const init = (plan: Plan<Host>) =>
    host!.call('keygen.init', { skeleton: plan.skeleton, sealed: sealFor(host!, initFor(plan, host!)) })
  const register = async (plan: Plan<Host>) =>
    host!.call('keygen.register', {
      keyId: plan.skeleton.keyId,
      sealed: sealFor(host!, await registrationFor(plan, 1)),
    })

  const mine = await draw(group, { expiresAt: week })
  await init(mine)
  await register(mine)
  // Only the ids differ: what a host holds of each is the same.
  const theirs = await draw(group, { users, expiresAt: week })
  for (let at = 0; at <= FULL; at += 1) {
    const keyId = at.toString(16).padStart(32, '0') as typeof theirs.skeleton.keyId
    await init({ ...theirs, skeleton: { ...theirs.skeleton, keyId } })
  }
  // Who has registered there is still known, and a new key is made.
  await register(mine)
  const yours = await draw(group, { expiresAt: week })
  const key = await runDkg(yours, await enrol(yours))
  expect(key.certificate.signatures).toHaveLength(3)
})
