import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { schnorr } from '@noble/curves/secp256k1.js'
import { randomBytes } from '@noble/hashes/utils.js'
import { encodeInvitation, importKey, Quorate, type Participant } from '@quorate/client'
import { startRelay } from '@quorate/nostr-lab/relay/embedded'
import type { Relay } from '@quorate/nostr-lab/relay/relay'
import { fromHex } from '@quorate/shared/wire/bytes'
import { nip19, SimplePool } from 'nostr-tools'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hashOfBytes } from '../../../../shared/test/bytes-hash.js'
import { chromiumIsThere, openChromium } from '../../../../shared/test/chromium.js'
import { keyInMode } from '../support/bip341.ts'
import { payTo, readTransaction, taprootSighash } from '../support/taproot-sighash.ts'
import { copyExamples, start } from './clean-folder.ts'
import { long, withNewcomer } from './with-newcomer.ts'

let examples: string
let relay: Relay

const newcomer = withNewcomer((clean) => (examples = copyExamples(clean)))
beforeAll(async () => {
  relay = await startRelay()
})
afterAll(() => relay.close())

/** For a program that uses the people of this folder. */
const place = (people: string) => ({ cwd: examples, env: { ...newcomer().env, PEOPLE: people } })
const startExample = (people: string, ...line: string[]) => start(newcomer().clean.nodes.oldest, line, place(people))
const example = (people: string, ...line: string[]) => startExample(people, ...line).ended

async function makeKey(people: string, content: string): Promise<void> {
  expect(await example(people, 'make-key.js', content)).toMatchObject({ status: 0, err: '' })
}

/** A transaction of one input, spent by key path, without its witness; and that. */
function withoutWitness(raw: Uint8Array): Readonly<{ unsigned: Uint8Array; signature: Uint8Array }> {
  const [version, locktime] = [raw.slice(0, 4), raw.slice(-4)]
  const unsigned = Buffer.concat([version, raw.slice(6, -70), locktime])
  expect(Buffer.from(raw.slice(-70, -68)).toString('hex')).toBe('0140')
  return { unsigned, signature: raw.slice(-68, -4) }
}

describe('the examples, with the packed SDK on the oldest Node,', { timeout: long }, () => {
  it('publish a note that the approval service lets pass, and none that it does not', async () => {
    await makeKey('newsroom', 'nostr-event')
    const service = startExample('newsroom', 'approval-service/service.js')
    await service.says(/"ready"/)

    const published = await example('newsroom', 'nostr/publish.js', relay.url, 'three hold this account')
    expect(published).toMatchObject({ status: 0, err: '' })
    const [, npub = '', id = ''] = /^(npub1\w+) published ([0-9a-f]{64})\n$/.exec(published.out) ?? []
    const pool = new SimplePool()
    const event = await pool.get([relay.url], { ids: [id] })
    pool.destroy()
    expect(event).toMatchObject({ content: 'three hold this account', pubkey: nip19.decode(npub).data })
    expect(schnorr.verify(fromHex(event!.sig), fromHex(id), fromHex(event!.pubkey))).toBe(true)

    const waits = startExample('newsroom', 'nostr/publish.js', relay.url, 'x'.repeat(281))
    await service.says(/"rejected".*"longer than 280 characters"/)
    waits.child.kill()
    service.child.kill('SIGTERM')
    expect(await service.ended).toMatchObject({ status: 0, err: '' })
  })

  it('spend a Taproot output, by a transaction whose signature holds under the output key', async () => {
    await makeKey('treasury', 'raw')
    const key = await importKey(readFileSync(join(examples, 'treasury/bob/key.json'), 'utf8'))
    const outputKey = keyInMode(Uint8Array.of(2, ...fromHex(key.groupKey)), { kind: 'taproot', merkleRoot: '' })
    const { out } = await example('treasury', 'taproot/spend.js', 'address')
    const line = ['taproot/spend.js', 'ab'.repeat(32), '1', '100000', out.trim(), '500']
    const spending = startExample('treasury', ...line)
    const bob = startExample('treasury', 'approve.js', 'bob')
    await bob.says(/alice asks[^]*approve\?/)
    bob.child.stdin?.end('yes\n')
    expect(await bob.ended).toMatchObject({ status: 0, err: '' })

    const spent = await spending.ended
    expect(spent.status).toBe(0)
    const { unsigned, signature } = withoutWitness(fromHex(spent.out.trim()))
    const output = { amount: 100_000n, script: payTo(outputKey) }
    const transaction = readTransaction(unsigned, [output])
    expect(transaction.outputs.map(({ amount, script }) => [amount, Uint8Array.from(script)])).toEqual([
      [99_500n, Uint8Array.from(output.script)],
    ])
    expect(schnorr.verify(signature, taprootSighash(transaction, 0), outputKey)).toBe(true)
  })

  it.skipIf(!chromiumIsThere('the example of a page'))('let Bob take part and approve in Chromium', async () => {
    const server = startExample('pages', 'browser/serve.js', '0')
    const [address] = await server.says(/http:\S+/)
    const browser = await openChromium()
    try {
      const quorate = new Quorate({ gateway: newcomer().fleet.url, trust: newcomer().fleet.trust })
      const [alice, carol] = ['alice', 'carol'].map((name) => quorate.participant(name, { seed: randomBytes(32) })) as [
        Participant,
        Participant,
      ]
      const participants = ['alice', 'bob', 'carol']
      const keygen = await alice.reserveKey({ scheme: 'frost-secp256k1-tr', threshold: 2, participants })
      await carol.participate(keygen.invitation('carol'))
      const page = await browser.newPage()
      await page.goto(address)
      await page.getByRole('textbox').fill(encodeInvitation(keygen.invitation('bob')))
      await page.getByRole('button', { name: 'Take part' }).click()
      const key = await keygen.completed()
      await page.getByText(`you hold a share of ${key.groupKey}`).waitFor()

      const signing = await alice.requestSignature(key, 'from a page')
      await page.getByText('text: from a page').waitFor()
      await page.getByRole('button', { name: 'Approve' }).click()
      const { signatures } = await signing.completed()
      expect(schnorr.verify(signatures[0]!, hashOfBytes('from a page'), fromHex(key.groupKey))).toBe(true)
    } finally {
      await browser.close()
      server.child.kill()
    }
  })
})
