import { Refusal } from '@quorate/shared/errors'
import { describe, expect, it } from 'vitest'
import { createEnded } from './ended.ts'

const refused = new Refusal('signing.ended')

describe('a signing that has ended', () => {
  it('is ended for one package: again for that one, and for no other', () => {
    const ended = createEnded()
    ended.requireOpen('r')
    ended.end('r', 'p')
    ended.end('r', 'p')
    expect(() => ended.end('r', 'q')).toThrow(refused)
    expect(() => ended.requireOpen('r')).toThrow(refused)
    ended.requireOpen('s')
  })

  it('is remembered while it is among the latest, however often they end again', () => {
    const ended = createEnded(2)
    for (const request of ['a', 'b', 'a', 'a']) ended.end(request, 'p')
    expect(() => ended.requireOpen('a')).toThrow(refused)
    ended.end('c', 'p')
    ended.requireOpen('a')
    for (const request of ['b', 'c']) expect(() => ended.requireOpen(request)).toThrow(refused)
  })
})
