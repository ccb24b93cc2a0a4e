import { KeyId } from '@quorate/shared/wire/ids'
import { describe, expect, it } from 'vitest'
import type { SigningSession } from '../courses/signing-terms.ts'
import { defaultLimits } from './ports.ts'
import { Directory } from './signing-directory.ts'

const keyId = KeyId.parse('0'.repeat(32))

/** As much of a session as the directory looks at. `client`: a program that asks. */
function signing(id: string, client?: string): SigningSession {
  const asker = client === undefined ? 1 : { client, event: id }
  const own = { weight: 1, request: { body: { asker, items: [{}] } } }
  return { id, keyId, seats: [{}, {}], own, stage: { name: 'waiting' } } as unknown as SigningSession
}

describe('the signings that came after one', () => {
  it('are those that came later, and not those whose ids are greater', () => {
    const directory = new Directory()
    for (const id of ['c', 'a', 'b']) directory.note(signing(id))
    expect(directory.ofPeople(keyId)).toEqual(['a', 'b', 'c'])
    expect(directory.ofPeople(keyId, 'c')).toEqual(['a', 'b'])
    expect(directory.ofPeople(keyId, 'a')).toEqual(['b'])
    expect(directory.ofPeople(keyId, 'b')).toEqual([])
    expect(directory.newestOf(keyId)).toBe('b')
  })

  it('hold what was saved later, though room was held for it before', () => {
    const directory = new Directory()
    directory.hold(signing('slow'), defaultLimits)
    directory.hold(signing('fast'), defaultLimits)
    directory.note(signing('fast'))
    expect(directory.newestOf(keyId)).toBe('fast')
    directory.note(signing('slow'))
    expect(directory.ofPeople(keyId, 'fast')).toEqual(['slow'])
  })

  it('are all where it has ended, or was never there', () => {
    const directory = new Directory()
    for (const id of ['a', 'b']) directory.note(signing(id))
    directory.forget(signing('b'))
    expect(directory.ofPeople(keyId, 'b')).toEqual(['a'])
    expect(directory.newestOf(keyId)).toBe('a')
    directory.forget(signing('a'))
    expect(directory.newestOf(keyId)).toBeNull()
  })

  it('hold none that programs ask for', () => {
    const directory = new Directory()
    directory.note(signing('a'))
    directory.note(signing('b', 'f'.repeat(64)))
    expect(directory.ofPeople(keyId, 'a')).toEqual([])
    expect(directory.newestOf(keyId)).toBe('a')
  })
})
