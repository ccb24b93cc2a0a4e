import type { Event } from 'nostr-tools'
import { NostrConnect } from 'nostr-tools/kinds'
import { expect, it } from 'vitest'
import { until } from '../../../../shared/test/noticing.js'
import type { Driver } from '../clients/client.ts'
import { nip46From } from '../faults/order.ts'
import type { Lab } from './lab.ts'
import { expectSigned, note } from './signing.ts'
import type { Answer } from './witness.ts'

/** Waits for so many further answers: some relays bring older ones first. None of all has come twice. */
async function expectOnce(answers: readonly Answer[], before: number, further: number): Promise<void> {
  await until(() => answers.length >= before + further, `${further} answers`)
  expect(answers).toHaveLength(before + further)
  expect(new Set(answers.map(({ id }) => id)).size).toBe(answers.length)
}

/** What a relay may do with the signer's mail. The client's own connection is left alone. */
export function checkDelivery(lab: () => Lab, driver: Driver): void {
  it('gets one answer for a request that came twice', async () => {
    const visit = await lab().connect(driver)
    const { answers } = await lab().watch(visit)
    const before = answers.length
    lab().faults.order(nip46From('relay', 'twice'))
    const template = note('twice')
    expectSigned(await visit.client.signEvent(template), template, lab().signer.user)
    // A second answer to the first request would be there before the answer to a later one.
    for (const later of ['later', 'latest']) await visit.client.signEvent(note(later))
    await expectOnce(answers, before, 3)
  })

  it('gets each answer where it belongs when requests come late and in another order', async () => {
    const visit = await lab().connect(driver)
    const { answers } = await lab().watch(visit)
    const before = answers.length
    lab().faults.order(nip46From('relay', 'hold'))
    const templates = ['first', 'second', 'third'].map((content) => note(content))
    const events = Promise.all(templates.map((template) => visit.client.signEvent(template)))
    await until(() => lab().faults.held === 3, 'three requests held back')
    lab().faults.order(null)
    lab().faults.release('newest')
    for (const [n, event] of (await events).entries()) expectSigned(event, templates[n]!, lab().signer.user)
    await expectOnce(answers, before, 3)
  })

  it('is served again when the relay has dropped the signer', async () => {
    const { client, uri } = await lab().connect(driver)
    await lab().dropSigner(uri)
    const template = note('after a drop')
    expectSigned(await client.signEvent(template), template, lab().signer.user)
  })

  it('gets no second answer when its request is brought again to a signer that came back', async () => {
    const visit = await lab().connect(driver)
    const witness = await lab().watch(visit)
    const { answers } = witness
    const before = answers.length
    const requests: Event[] = []
    lab().faults.order(({ from, kind, text }) => {
      if (from === 'relay' && kind === NostrConnect) requests.push((JSON.parse(text) as [string, string, Event])[2])
      return 'pass'
    })
    await visit.client.signEvent(note('once'))
    await lab().dropSigner(visit.uri)
    await witness.replay(requests[0]!)
    for (const later of ['later', 'latest']) await visit.client.signEvent(note(later))
    await expectOnce(answers, before, 3)
  })

  it('goes on without connecting again when the signer was restarted', async ({ skip }) => {
    const { restart, user } = lab().signer
    if (restart === undefined) return skip('this signer cannot be restarted')
    const { client } = await lab().connect(driver)
    const [before, after] = [note('before'), note('after')]
    expectSigned(await client.signEvent(before), before, user)
    await restart()
    expectSigned(await client.signEvent(after), after, user)
  })
}
