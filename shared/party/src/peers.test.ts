import { isAccepted } from '@quorate/shared/attestation/policy'
import { describe, expect, it } from 'vitest'
import { startHosts, type Host } from '../test/host.ts'
import { createLives } from './lives.ts'
import { createPeers } from './peers.ts'

const { members, development } = await startHosts({ size: 4 })
const [own, ...others] = members as [Host, Host, Host, Host]
const isWiped = (key: Uint8Array | undefined) => key?.every((byte) => byte === 0)

/** The peers of the first host, two at most beside itself, and every key that it has agreed on. */
function start() {
  const agreed: Uint8Array[] = []
  const agree: typeof own.keys.agree = (peer) => {
    const key = own.keys.agree(peer)
    agreed.push(key)
    return key
  }
  const { trust } = development
  const images = {
    policy: () => trust,
    accepts: (pcrs: typeof development.measurements) => isAccepted(pcrs, trust),
    serial: () => 0,
  }
  const ports = { keys: { ...own.keys, agree }, images, clock: Date.now, log: () => undefined, lives: createLives() }
  const peers = createPeers(ports, 2)
  const meet = async (host: Host) => {
    const nonce = peers.challenge()
    await peers.introduce(await host.call('attest', { nonce }), nonce)
  }
  return { peers, meet, agreed }
}

describe('the peers of a host', () => {
  it('are so many at most: who was verified longest ago gives way, and its key is wiped', async () => {
    const { peers, meet, agreed } = start()
    for (const host of others) await meet(host)
    expect(() => peers.require(others[0].identity)).toThrow('verified')
    for (const host of [own, ...others.slice(1)]) peers.require(host.identity)
    expect(agreed.map(isWiped)).toEqual([false, true, false, false])
  })

  it('are verified again without leaving a key behind, and never push out the host itself', async () => {
    const { peers, meet, agreed } = start()
    for (const host of [own, others[0], others[0], own]) await meet(host)
    for (const host of [own, others[0]]) peers.require(host.identity)
    const used = agreed.filter((key) => isWiped(key) !== true)
    expect(used.length).toBeLessThanOrEqual(4)
    expect(agreed.filter(isWiped).length).toBeGreaterThan(0)
    await meet(others[1])
    peers.require(own.identity)
  })
})
