import { expect, it } from 'vitest'
import { livesOf, requireLives } from './lives.ts'

const participants = ['one', 'two', 'two', 'away'].map((enclaveId) => ({ host: { identity: { enclaveId } } }))
const key = { certificate: { roster: { skeleton: { participants } } } } as unknown as Parameters<typeof livesOf>[1]
const hosts = { life: (host: string) => ({ one: 'first', two: 'second' })[host] ?? null }

it('are those of the hosts that have said a hello, each once', () => {
  expect(livesOf(hosts, key)).toEqual(['first', 'second'])
})

it('must all be named by a word that names any', () => {
  requireLives(hosts, key, ['second', 'first', 'an earlier one'])
  requireLives(hosts, key, undefined)
  for (const named of [[], ['first'], ['first', 'an earlier one']])
    expect(() => requireLives(hosts, key, named)).toThrow('have started again since')
})
