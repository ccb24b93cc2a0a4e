import type { SignedEvent } from '@quorate/shared/nostr/event'
import { expect, it } from 'vitest'
import { turn } from '../../../../shared/test/noticing.js'
import { readFrame } from './frames.ts'
import { Outbox } from './outbox.ts'

const event = (id: string) => ({ id }) as SignedEvent
const bounds = { count: 3, characters: 100, ms: 1_000, again: 100 }

it('sends what is not taken again, and gives up what was never taken', async () => {
  const box = new Outbox(bounds)
  const taken = box.put(event('a'), 'a', 0)
  expect(box.due(0)).toEqual(['a'])
  expect(box.due(99)).toEqual([])
  expect(box.due(100)).toEqual(['a'])
  box.unsend()
  expect(box.due(101)).toEqual(['a'])
  expect(box.due(1_000)).toEqual([])
  expect(await taken).toBe(false)
  expect(box.size).toBe(0)
})

it('is one letter for one event, and tells all who wait', async () => {
  const box = new Outbox(bounds)
  const both = [box.put(event('a'), 'a', 0), box.put(event('a'), 'a', 5)]
  expect(box.due(5)).toEqual(['a'])
  expect(box.answered('a', true, '')).toBeNull()
  expect(await Promise.all(both)).toEqual([true, true])
  expect(box.answered('a', true, '')).toBeNull()
})

it('is bounded in letters and characters, and the oldest goes', async () => {
  const box = new Outbox(bounds)
  const outcomes: [string, boolean][] = []
  const put = (id: string, text: string) => void box.put(event(id), text, 0).then((taken) => outcomes.push([id, taken]))
  for (const id of ['a', 'b', 'c', 'd']) put(id, id)
  put('long', 'x'.repeat(98))
  await turn()
  expect(outcomes).toEqual([
    ['a', false],
    ['b', false],
  ])
  expect(box.due(0)).toEqual(['c', 'd', 'x'.repeat(98)])
})

it.each([
  ['auth-required: who are you', 'auth-required', 1],
  ['rate-limited: slowly', 'rate-limited', 1],
  ['error: disk', 'error', 1],
  ['duplicate: have it', null, 0],
  ['blocked: not you', null, 0],
  ['no reason', null, 0],
])('takes "%s" for what it is', (why, reason, left) => {
  const box = new Outbox(bounds)
  void box.put(event('a'), 'a', 0)
  expect(box.answered('a', false, why)).toBe(reason)
  expect(box.size).toBe(left)
})

it('reads what relays say, and nothing else', () => {
  expect(readFrame('["EVENT","s",{"id":1}]')).toEqual({ type: 'event', subscription: 's', event: { id: 1 } })
  expect(readFrame('["OK","id",false,"blocked: no"]')).toEqual({
    type: 'ok',
    id: 'id',
    isTaken: false,
    why: 'blocked: no',
  })
  expect(readFrame('["OK","id",true]')).toEqual({ type: 'ok', id: 'id', isTaken: true, why: '' })
  expect(readFrame('["CLOSED","s"]')).toEqual({ type: 'closed', subscription: 's', why: '' })
  const wrong = [
    '',
    'no',
    '{}',
    '[]',
    '["NOTICE","x"]',
    '["OK",1,true]',
    '["EOSE"]',
    '["AUTH",""]',
    '["EVENT","s",{},1]',
  ]
  for (const text of wrong) expect(readFrame(text)).toBeNull()
})
