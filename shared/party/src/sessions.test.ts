import { expect, it, vi } from 'vitest'
import { alarm } from '../test/alarm.ts'
import { createSessions } from './sessions.ts'

const HOUR = 3_600_000

function keep(
  limits: { sessions?: number; bytes?: number; ms?: number } = {},
  yields: (session: string) => number | null = () => null,
) {
  const ended: string[] = []
  const sessions = createSessions<string>({
    clock: Date.now,
    alarm,
    limits: { sessions: 3, bytes: 100, ms: HOUR, ...limits },
    unknown: 'signing.unknown',
    yields,
    end: (session) => ended.push(session),
  })
  const add = (id: string, bytes = 1, expiresAt = Date.now() + HOUR) => sessions.add(id, id, { expiresAt, bytes })
  return { ...sessions, add, ended }
}

it('refuses a session beyond the limit of their number or of what they hold', () => {
  const { add } = keep()
  add('a', 60)
  expect(() => add('b', 41)).toThrow('as many sessions as it can')
  add('b', 40)
  const few = keep({ sessions: 1 })
  few.add('a')
  expect(() => few.add('b')).toThrow('as many sessions as it can')
})

it('lets finished sessions go for new ones, the oldest first, and never one that is under way', () => {
  const { add, finish, find, ended } = keep()
  for (const id of ['under way', 'first', 'second']) add(id)
  finish('first')
  finish('second')
  expect(find('first')).toBe('first')
  add('new')
  expect(ended).toEqual(['first'])
  add('newer')
  expect(ended).toEqual(['first', 'second'])
  expect(() => add('newest')).toThrow('as many sessions as it can')
  expect(find('under way')).toBe('under way')
})

it('lets those go for others that yield, who yields first in front and then the oldest, and nobody else', () => {
  const rank: Record<string, number | null> = { alone: 0, joined: 1, younger: 0, made: null }
  const { add, finish, ended } = keep({ sessions: 5 }, (session) => rank[session] ?? null)
  for (const id of ['made', 'joined', 'alone', 'younger', 'done']) add(id)
  finish('done')
  for (const id of ['a', 'b', 'c', 'd']) add(id)
  expect(ended).toEqual(['done', 'alone', 'younger', 'joined'])
  expect(() => add('e')).toThrow('as many sessions as it can')
})

it('lets nobody go for what is larger than all of its room', () => {
  const { add, ended } = keep({}, () => 0)
  add('a', 60)
  expect(() => add('b', 101)).toThrow('as many sessions as it can')
  expect(ended).toEqual([])
  add('b', 41)
  expect(ended).toEqual(['a'])
})

it('keeps a session longer that is extended, and never longer than its longest', () => {
  vi.useFakeTimers()
  try {
    const { add, extend, find } = keep({ ms: 1_000 })
    add('a', 1, Date.now() + 10)
    extend('a', Date.now() + 100)
    vi.advanceTimersByTime(99)
    expect(find('a')).toBe('a')
    extend('a', Date.now() + 9_000)
    vi.advanceTimersByTime(999)
    expect(find('a')).toBe('a')
    vi.advanceTimersByTime(1)
    expect(find('a')).toBeUndefined()
  } finally {
    vi.useRealTimers()
  }
})

it('keeps none longer than its longest, however far ahead its people set its end', () => {
  vi.useFakeTimers()
  try {
    const { add, find, ended } = keep({ ms: 1_000 })
    add('for ever', 1, 8_640_000_000_000_000)
    vi.advanceTimersByTime(999)
    expect(find('for ever')).toBe('for ever')
    vi.advanceTimersByTime(1)
    expect(find('for ever')).toBeUndefined()
    expect(ended).toEqual(['for ever'])
  } finally {
    vi.useRealTimers()
  }
})

it('ends a session at its own time, though another had its id before', () => {
  vi.useFakeTimers()
  try {
    const { add, finish, find } = keep({ sessions: 1 })
    add('again', 1, Date.now() + 1_000)
    finish('again')
    add('other', 1, Date.now() + 10)
    vi.advanceTimersByTime(10)
    add('again', 1, Date.now() + 5_000)
    vi.advanceTimersByTime(2_000)
    expect(find('again')).toBe('again')
  } finally {
    vi.useRealTimers()
  }
})
