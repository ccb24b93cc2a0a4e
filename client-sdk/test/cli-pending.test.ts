import { describe, expect, it } from 'vitest'
import { environment, runLine, withOwnHome, type Given, type Ran } from './command-line.ts'
import { keepKey } from './keep-key.ts'
import { gateway } from './lying-gateway.ts'

withOwnHome()

const quorate = (line: readonly string[], given: Given = {}): Promise<Ran> => runLine(line, environment(), given)

describe('quorate pending', () => {
  it('lists what waits for the own word, and nothing that has it', async () => {
    const { alice, bob, key } = await keepKey('bob')
    expect((await quorate(['pending'])).out).toContain('nothing waits')
    const [first, second] = [await alice.requestSignature(key, 'one'), await alice.requestSignature(key, 'two')]
    const { lines } = await quorate(['pending', '--json'])
    const ids = (lines[0]!['pending'] as { signingId: string }[]).map(({ signingId }) => signingId)
    expect(ids).toEqual([first.signingId, second.signingId])
    await bob.approve(await bob.signing(key, first.signingId))
    const { out } = await quorate(['pending'])
    expect(out).toContain('two')
    expect(out).not.toContain('one')
  })

  it('shows each as it comes, once, until it is ended', async () => {
    const { alice, key } = await keepKey('bob')
    const listened = gateway.nextAsked('listSignings')
    const stop = new AbortController()
    const told = (out: string) => {
      const shown = out.split('"event":"pending"').length - 1
      if (shown === 1) void alice.requestSignature(key, 'two')
      if (shown === 2) stop.abort()
    }
    const watching = quorate(['pending', '--watch', '--json'], { told, signal: stop.signal })
    await listened
    await alice.requestSignature(key, 'one')
    const { lines } = await watching
    expect(lines.map(({ event }) => event)).toEqual(['pending', 'pending', 'interrupted'])
    expect(new Set(lines.map(({ signingId }) => signingId)).size).toBe(3)
  })
})

describe('quorate withdraw', () => {
  it('takes the own request back, and no one else’s', async () => {
    const { alice, bob, key } = await keepKey('alice')
    const { signingId } = await alice.requestSignature(key, 'one')
    expect(await quorate(['withdraw', signingId])).toMatchObject({ code: 0 })
    expect(await quorate(['status', signingId])).toMatchObject({ code: 1 })
    const other = await bob.requestSignature(key, 'two')
    const refused = await quorate(['withdraw', other.signingId])
    expect(refused).toMatchObject({ code: 2 })
    expect(refused.err).toContain('bob asked for it')
    expect(await quorate(['withdraw', signingId])).toMatchObject({ code: 0 })
  })
})

describe('quorate token', () => {
  it('prints what a program reads with, and nothing else', async () => {
    const { alice, key } = await keepKey('alice')
    const { signingId } = await alice.requestSignature(key, 'one')
    const { out, code } = await quorate(['token', key.keyId.slice(0, 8)])
    expect(code).toBe(0)
    const headers = { authorization: `Bearer ${out.trim()}` }
    const answer = await fetch(`${gateway.url}/api/v1/keys/${key.keyId}/signings`, { headers })
    expect(await answer.json()).toMatchObject({ signings: [{ signingId }] })
  })
})
