import { EnclaveIdentity } from '@quorate/shared/wire/identity'
import { describe, expect, it } from 'vitest'
import { createHostLives, type ForkedHost } from '../src/host-lives.ts'

const host = EnclaveIdentity.parse({
  version: 1,
  enclaveId: 'e1',
  epoch: 1,
  sealKey: `02${'ab'.repeat(32)}`,
  signKey: 'cd'.repeat(32),
})
const [first, second] = [
  { id: '11'.repeat(32), startedAt: 1_000_000 },
  { id: '22'.repeat(32), startedAt: 2_000_000 },
]

function start() {
  const forks: ForkedHost[] = []
  return { forks, lives: createHostLives((fork) => void forks.push(fork)) }
}

describe('the lives of a host', () => {
  it('that follow each other are a restart, in whatever order they are heard of', () => {
    const { forks, lives } = start()
    lives.see(host, first, 1_500_000)
    lives.see(host, second, 2_000_001)
    lives.see(host, first, 1_900_000)
    lives.see(host, second, 2_500_000)
    expect(forks).toEqual([])
  })

  it.each([
    ['an old one speaks on', [second, 2_100_000, first, 2_200_000] as const],
    ['a later one had begun before the last word of the old one', [first, 2_200_000, second, 2_100_000] as const],
  ])('that overlap are two processes: %s', (_, [one, oneAt, other, otherAt]) => {
    const { forks, lives } = start()
    lives.see(host, one, oneAt)
    lives.see(host, other, otherAt)
    expect(forks).toEqual([{ enclaveId: 'e1', lives: [first, second] }])
  })
})
