import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { schnorr } from '@noble/curves/secp256k1.js'
import { describe, expect, it } from 'vitest'
import { fromHex } from '@quorate/shared/wire/bytes'
import { openHome } from '../src/cli/home.ts'
import { environment, folder, home, inClear, runLine, withOwnHome } from './command-line.ts'
import { endWith, type Failures, type Status } from './ended.ts'
import { fleet, gateway } from './lying-gateway.ts'
import { makeKey } from './people.ts'
import { hashOfBytes } from '../../shared/test/bytes-hash.js'

withOwnHome()

/** Runs one command line as alice. */
const quorate = (...line: string[]) => runLine([...line, '--as', 'alice'], environment())

/** A signing of two texts that ended so, and its key, which is kept here. */
async function ended(failures: Failures) {
  const { alice, bob, key } = await makeKey(fleet, gateway)
  const kept = openHome(home(), inClear)
  await kept.saveKey(key)
  await kept.seedOrNew('alice')
  const signing = await alice.requestSignature(key, ['one', 'two'])
  await bob.approve(signing)
  const { results, receipts } = await endWith(fleet, gateway, await signing.status(), key, failures)
  gateway.lies.getSigning = (honest: Status) => ({ ...honest, results, receipts })
  return { key, id: signing.signingId }
}

describe('a signing of which an item failed', () => {
  it('is shown item by item, ends with 1, and what was signed is saved', async () => {
    const { key, id } = await ended({ 1: { code: 'content.mismatch' } })
    const file = join(folder, 'proof.json')
    const shown = await quorate('status', id, '--out', file)
    expect(shown.code).toBe(1)
    expect(shown.out).toContain('verified: the signature')
    expect(shown.out).toContain('item 2 has no signature: content.mismatch')
    expect(shown.out).toContain('alice (content.mismatch), bob (content.mismatch)')
    expect(shown.err).toContain('item 2 of 2: content.mismatch')
    expect(shown.err).toContain('content.mismatch, say the hosts')

    const { results } = JSON.parse(await readFile(file, 'utf8')) as { results: [string, unknown] }
    expect(schnorr.verify(fromHex(results[0]), hashOfBytes('one'), fromHex(key.groupKey))).toBe(true)
    const verified = await quorate('verify', key.keyId, '--proof', file)
    expect(verified.code).toBe(1)
    expect(verified.out).toContain(results[0])
    expect(verified.out).toContain('item 2 has no signature')
    expect(verified.out).not.toContain('all of it verifies')
  })

  it('is one object a line for scripts, with no signature where there is none', async () => {
    const { id } = await ended({ 0: { code: 'seal.invalid' } })
    const { code, out } = await quorate('status', id, '--json')
    const [, completed, error] = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(code).toBe(1)
    expect(completed).toMatchObject({
      event: 'completed',
      signatures: [null, expect.any(String)],
      publicKeys: [null, expect.any(String)],
      refused: [{ at: 0, code: 'seal.invalid', culprits: [] }],
    })
    expect(error).toMatchObject({ event: 'error', code: 'seal.invalid', by: 'hosts' })
  })

  it('names who is to blame for a dispute', async () => {
    const { id } = await ended({
      0: { code: 'signing.disputed', refusals: [{ index: 2, code: 'content.invalid' }] },
      1: { code: 'signing.disputed', refusals: [{ index: 2, code: 'content.invalid' }] },
    })
    const { code, out } = await quorate('status', id)
    expect(code).toBe(1)
    expect(out).toMatch(/to blame +bob/)
    expect(out).not.toContain('verified')
  })

  it('does not verify as a proof once a code in it was changed', async () => {
    const { key, id } = await ended({ 1: { code: 'content.mismatch' } })
    const file = join(folder, 'proof.json')
    await quorate('status', id, '--out', file)
    await writeFile(file, (await readFile(file, 'utf8')).replace('content.mismatch', 'content.invalid'))
    expect((await quorate('verify', key.keyId, '--proof', file)).code).toBe(3)
  })
})

describe('a request of several items', () => {
  /** Three texts that alice asks for. The key and bob's seed are kept here. */
  async function asked() {
    const kept = openHome(home(), inClear)
    const { alice, bob, key } = await makeKey(fleet, gateway, {}, { bob: await kept.seedOrNew('bob') })
    await kept.saveKey(key)
    const signing = await alice.requestSignature(key, ['one', 'two', 'three'])
    const approve = (...line: string[]) =>
      runLine(['approve', signing.signingId, ...line, '--as', 'bob'], environment())
    return { signing, bob, approve }
  }

  it('is approved by the numbers of its items, and the others are rejected', async () => {
    const { signing, approve } = await asked()
    const said = await approve('--items', '1,3', '--yes', '--json')
    expect(said.lines).toMatchObject([{ event: 'approved', decisions: ['approve', 'reject', 'approve'] }])
    const { items } = await signing.completed()
    expect(items.map(({ refused }) => refused)).toEqual([null, 'signing.rejected', null])
    const shown = await runLine(['status', signing.signingId, '--as', 'bob'], environment())
    expect(shown.out).toContain('bob: approve 1,3')
  })

  it('is asked about with the numbers, and says nothing for numbers that are none', async () => {
    const { signing, approve } = await asked()
    for (const wrong of ['0', '4', '2-1', '1,', 'all', '1-4'])
      expect(await approve('--items', wrong, '--yes')).toMatchObject({ code: 2 })
    expect(await approve('--items', '1', '--reject', 'no')).toMatchObject({ code: 2 })
    const line = ['approve', signing.signingId, '--items', '2-3', '--as', 'bob']
    const asking = await runLine(line, environment(), { typed: 'n\n', interactive: true })
    expect(asking.err + asking.out).toContain('Sign item 2-3, and reject the others?')
    expect(asking.err).toContain('2 of 3')
    expect((await signing.status()).approvals).toEqual([])
  })
})
