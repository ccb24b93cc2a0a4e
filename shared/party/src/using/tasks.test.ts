import { schnorr } from '@noble/curves/secp256k1.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes } from '@noble/hashes/utils.js'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import type { Task } from '@quorate/shared/verify/task'
import type { Item } from '@quorate/shared/wire/content'
import { getEventHash } from 'nostr-tools'
import { beforeAll, describe, expect, it } from 'vitest'
import { hashOfBytes } from '../../../test/bytes-hash.js'
import { askFor, badItems, sound, type ItemMaker } from '../../test/bad-items.ts'
import { makeKey, type MadeKey } from '../../test/ceremony.ts'
import { shareAt } from '../../test/epoch-change.ts'
import { introduceAll, startHosts, type Host } from '../../test/host.ts'
import { bytesItem, type PlanOptions } from '../../test/people.ts'
import { createMemories } from '../memories.ts'
import { createVault } from '../vault.ts'
import { judgeSealed } from './identify.ts'
import { openTasks, type Declined } from './tasks.ts'

/*
 * What a host signs of what it is asked: the message comes from the content, and never from the request.
 */
const group = await startHosts({ size: 2 })
const [first] = group.members as [Host]
await introduceAll(group.members)
const soon = () => group.clock.now + 60_000

const made = (content: PlanOptions<Host>['content']): Promise<MadeKey> => makeKey(group, { content: content! })
let forBytes: MadeKey
let forBoth: MadeKey
beforeAll(async () => {
  forBytes = await made(['bytes'])
  forBoth = await made(['bytes', 'nostr-event'])
})

const images = { serial: () => 0 }

type Asked = Awaited<ReturnType<typeof askFor>>
async function tasksOf(
  key: MadeKey,
  makers: readonly ItemMaker[],
  change: (asked: Asked) => Asked = (asked) => asked,
): Promise<readonly (Task | Declined)[]> {
  const vault = createVault({ mpc: group.mpc, keys: first.keys, memories: createMemories(), images })
  await vault.load(shareAt(key, 1))
  const { request, requestDigest, sealedItems } = change(await askFor(key.plan, key, 1, makers, soon()))
  return vault.lend(key.plan.skeleton.keyId, 1, (open) =>
    openTasks(group.mpc, open, { requestDigest, judge: judgeSealed(request.body, sealedItems) }),
  )
}
const good = (text: string) => sound(bytesItem(text))
const messageOf = (task: Task | Declined | undefined) => (task && 'message' in task ? toHex(task.message) : null)
const refusal = (code: string) => expect.objectContaining({ code }) as Error

describe('what is signed', () => {
  it('of bytes is their hash under a tag of their own', async () => {
    const [one, other] = await tasksOf(forBytes, [good('one'), good('other')])
    expect([one, other].map(messageOf)).toEqual([toHex(hashOfBytes('one')), toHex(hashOfBytes('other'))])
  })

  it('of a Nostr event is the id that Nostr software gives it under the group key', async () => {
    const event = { created_at: 1_700_000_000, kind: 1, tags: [['t', 'quorate']], content: 'gm\n"☀"' }
    const item: Item = { content: { type: 'nostr-event', event }, mode: { kind: 'plain' } }
    const [task] = await tasksOf(forBoth, [sound(item)])
    expect(messageOf(task)).toBe(getEventHash({ ...event, pubkey: forBoth.certificate.body.groupKey }))
  })

  it('in Taproot mode is under the output key of BIP-341', async () => {
    const { groupKey } = forBytes.certificate.body
    const item: Item = { ...bytesItem('tap'), mode: { kind: 'taproot', merkleRoot: '' } }
    const [task] = await tasksOf(forBytes, [sound(item)])
    const tag = sha256(new TextEncoder().encode('TapTweak'))
    const tweak = BigInt(`0x${toHex(sha256(concatBytes(tag, tag, fromHex(groupKey))))}`)
    const lifted = schnorr.utils.lift_x(BigInt(`0x${groupKey}`))
    const output = lifted.add(schnorr.Point.BASE.multiply(tweak)).x.toString(16).padStart(64, '0')
    expect(task && 'publicKey' in task && toHex(task.publicKey)).toBe(output)
  })
})

describe('an item', () => {
  it.each(badItems)('%s is declined alone, with its reason', async (_, code, bad) => {
    const [before, declined, after] = await tasksOf(forBytes, [good('before'), bad, good('after')])
    expect(declined).toEqual({ code })
    expect([before, after].map(messageOf)).toEqual([toHex(hashOfBytes('before')), toHex(hashOfBytes('after'))])
  })

  it.each(badItems)('%s refuses a request that has no other', async (_, code, bad) => {
    await expect(tasksOf(forBytes, [bad, bad])).rejects.toThrow(refusal(code))
  })

  it('is one of those that the asker has signed for, in their order', async () => {
    const makers = [good('one'), good('other')]
    const reversed = (asked: Asked) => ({ ...asked, sealedItems: asked.sealedItems.toReversed() })
    await expect(tasksOf(forBytes, makers, reversed)).rejects.toThrow(refusal('seal.invalid'))
    const fewer = (asked: Asked) => ({ ...asked, sealedItems: asked.sealedItems.slice(1) })
    await expect(tasksOf(forBytes, makers, fewer)).rejects.toThrow(refusal('content.mismatch'))
  })
})
