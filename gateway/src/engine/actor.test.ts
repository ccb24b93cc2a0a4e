import { Refusal } from '@quorate/shared/errors'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { turn } from '../../../shared/test/noticing.js'
import { Actor, type Behaviour } from './actor.ts'

/** What was heard, in its order. After `ask x` the effect `x` is owed, until `said x`. At `until` (ms) it is `over`. */
type Heard = Readonly<{ words: readonly string[]; until: number }>
type Of = Behaviour<Heard, string, string>

const LONG = 2 ** 31
const hear = (s: Heard, word: string): Heard => {
  const [about, what] = word.split(' ')
  if (about === 'time') return Number(what) < s.until ? s : { ...s, words: [...s.words, 'over'] }
  const until = about === 'longer' ? s.until + LONG : about === 'sooner' ? Number(what) : s.until
  return { words: [...s.words, word], until }
}

function actorOf(more: Partial<Of> = {}, until = LONG, version = 1) {
  const saved: string[][] = []
  const performed: string[] = []
  const failures: unknown[] = []
  let answer: (word: string) => void = () => {}
  const behaviour: Of = {
    transition: hear,
    effects: ({ words }) =>
      words.filter((word) => word.startsWith('ask ') && !words.includes(word.replace('ask', 'said'))),
    hasEnded: ({ words }) => words.includes('over'),
    expiresAt: (s) => s.until,
    timePassed: (now) => `time ${now}`,
    clock: () => Date.now(),
    answer: () => null,
    nameOf: (effect) => effect,
    perform: (_, effect) => {
      performed.push(effect)
      return new Promise((resolve) => (answer = resolve))
    },
    isRepeatable: (_, word) => word.startsWith('said '),
    save: (_, after, expected) => {
      saved.push([...after.words])
      return Promise.resolve(expected + 1)
    },
    load: () => Promise.resolve(null),
    saved: () => {},
    lost: () => {},
    failed: (error) => failures.push(error),
    ...more,
  }
  const actor = new Actor(behaviour, { version, state: { words: [], until } })
  /** Answers what was performed last, and waits for what comes of it. */
  const answers = async (word: string) => {
    answer(word)
    await turn()
  }
  return { actor, saved, performed, failures, answers, words: () => actor.current.state.words }
}

// Time passes when a test says so, and begins far from every deadline.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: 0 })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('an actor', () => {
  it('performs what is owed once while it is under way, and again when it is still owed afterwards', async () => {
    const { actor, performed, answers } = actorOf()
    await actor.post('ask x')
    await actor.post('another word')
    expect(performed).toEqual(['ask x'])
    await answers('nothing')
    expect(performed).toEqual(['ask x', 'ask x'])
    await answers('said x')
    expect(performed).toHaveLength(2)
  })

  it('does not save what would be said again, and keeps it with the next save', async () => {
    const { actor, saved, answers, words } = actorOf()
    await actor.post('ask x')
    await answers('said x')
    expect(words()).toEqual(['ask x', 'said x'])
    expect(saved).toEqual([['ask x']])
    await actor.post('more')
    expect(saved).toEqual([['ask x'], ['ask x', 'said x', 'more']])
  })

  /** An actor whose first save waits to be released. */
  const slow = () => {
    let release = () => {}
    const gate = new Promise<void>((resolve) => (release = resolve))
    const saved: string[][] = []
    const { actor, ...rest } = actorOf({
      save: async (_, after, expected) => {
        saved.push([...after.words])
        await gate
        return expected + 1
      },
    })
    return { ...rest, actor, saved, release: () => release() }
  }

  it('saves together what it heard while it was writing', async () => {
    const { actor, saved, release } = slow()
    const posted = ['a', 'b', 'c'].map((word) => actor.post(word))
    release()
    await Promise.all(posted)
    expect(saved).toEqual([['a'], ['a', 'b', 'c']])
    expect(actor.current.version).toBe(3)
  })

  it('ends the write that is under way when it stops, refuses the rest, and performs nothing more', async () => {
    const { actor, saved, performed, release } = slow()
    const [first, second] = [actor.post('ask x'), actor.post('b')]
    const refused = [second, actor.stop().then(() => actor.post('c'))].map((post) =>
      expect(post).rejects.toEqual(expect.objectContaining({ code: 'gateway.draining' })),
    )
    release()
    expect((await first).words).toEqual(['ask x'])
    await Promise.all(refused)
    expect([saved, performed]).toEqual([[['ask x']], []])
  })

  it.each<[string, Error, string[]]>([
    ['again, when the store failed', new Refusal('store.failed'), ['ask x', 'more', 'last']],
    ['not again, when our own code did, and goes on without it', new Error('a bug'), ['ask x', 'last']],
  ])('tries to keep what nobody posted %s', async (_, error, kept) => {
    let fails = false
    const { actor, failures, answers, words } = actorOf({
      save: (_, __, expected) => (fails ? Promise.reject(error) : Promise.resolve(expected + 1)),
    })
    await actor.post('ask x')
    fails = true
    await answers('more')
    expect(failures).toEqual([error])
    fails = false
    vi.advanceTimersByTime(1_000)
    await turn()
    await actor.post('last')
    expect(words()).toEqual(kept)
  })

  it('tells who begins a session that there is already, and reports no failure', async () => {
    const conflict = new Refusal('session.conflict')
    const { actor, failures } = actorOf({ save: () => Promise.reject(conflict) }, LONG, 0)
    await expect(actor.post(null)).rejects.toBe(conflict)
    expect(failures).toEqual([])
  })

  it('ends at a deadline that was moved by the very write in which the earlier one passed', async () => {
    let write = () => {}
    const { actor, words } = actorOf(
      { save: (_, __, expected) => new Promise((done) => (write = () => done(expected + 1))) },
      1_000,
    )
    const longer = actor.post('longer')
    vi.advanceTimersByTime(1_001)
    write()
    await longer
    await turn()
    vi.advanceTimersByTime(LONG)
    await turn()
    write()
    await turn()
    expect(words()).toEqual(['longer', 'over'])
  })

  it('takes what the store has, and applies the word to that, when a write conflicts and the session is still its own', async () => {
    let stored = 5
    const { actor, words } = actorOf({
      save: (_, __, expected) => {
        if (expected !== stored) return Promise.reject(new Refusal('session.conflict'))
        stored += 1
        return Promise.resolve(stored)
      },
      load: () => Promise.resolve({ version: 5, state: { words: ['stored'], until: LONG }, here: true }),
    })
    await actor.post('a')
    expect([actor.current.version, words()]).toEqual([6, ['stored', 'a']])
  })

  it('is lost when a write conflicts and another drives the session: it refuses what it was told, to be sent again', async () => {
    let write = () => {}
    const { actor, performed, words } = actorOf({
      save: () => new Promise((_, reject) => (write = () => reject(new Refusal('session.conflict')))),
      load: () => Promise.resolve({ version: 5, state: { words: ['stored'], until: LONG }, here: false }),
      lost: () => void actor.stop('session.elsewhere'),
    })
    const told = [actor.post('ask x'), actor.post('b')].map((post) =>
      expect(post).rejects.toEqual(expect.objectContaining({ code: 'session.elsewhere' })),
    )
    write()
    await Promise.all(told)
    await expect(actor.post('c')).rejects.toMatchObject({ code: 'session.elsewhere' })
    expect([performed, words()]).toEqual([[], []])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is lost when another saves a version, and not by a version of its own', async () => {
    let lost = 0
    const { actor } = actorOf({
      save: (_, __, expected) => {
        actor.heard(expected + 1)
        return Promise.resolve(expected + 1)
      },
      lost: () => void (lost += 1),
    })
    await actor.post('a')
    actor.heard(2)
    expect(lost).toBe(0)
    actor.heard(3)
    expect(lost).toBe(1)
  })

  it('says so, and goes on, when performing throws against its word', async () => {
    const { actor, failures, words } = actorOf({ perform: () => Promise.reject(new Error('a bug')) })
    await actor.post('ask x')
    await turn()
    await actor.post('last')
    expect(failures).toEqual([new Error('a bug')])
    expect(words()).toEqual(['ask x', 'last'])
  })

  it('ends at a deadline that has come nearer', async () => {
    const { actor, words } = actorOf()
    await actor.post('sooner 1000')
    vi.advanceTimersByTime(999)
    await turn()
    expect(words()).toEqual(['sooner 1000'])
    vi.advanceTimersByTime(2)
    await turn()
    expect(words()).toEqual(['sooner 1000', 'over'])
  })

  it('ends at its deadline, though no timer reaches so far, and the deadline has moved', async () => {
    const { actor, words } = actorOf({}, LONG + 5_000)
    await actor.post('longer')
    vi.advanceTimersByTime(LONG + 5_001)
    await turn()
    expect(words()).toEqual(['longer'])
    vi.advanceTimersByTime(LONG - 2)
    await turn()
    expect(words()).toEqual(['longer'])
    vi.advanceTimersByTime(2)
    await turn()
    expect(words()).toEqual(['longer', 'over'])
    expect(vi.getTimerCount()).toBe(0)
  })
})
