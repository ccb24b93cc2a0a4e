import { expect } from 'vitest'

type Model<R, S> = Readonly<{
  steps: readonly S[]
  begin: () => Promise<R>
  /** Takes a step; gives what the host answered, in a word. */
  wordOf: (run: R, step: S) => Promise<string>
  /** What tells one state of the host from another. Looking asks for everything once more. */
  stateOf: (run: R) => Promise<string>
  /** The answers to packages, by the commitment that each was for. */
  answersOf: (run: R) => ReadonlyMap<string, ReadonlySet<string>>
}>

/**
 * Takes all steps in every order, until there is no new state; a state that was seen is not gone on from twice. No commitment has two answers, and
 * none of an earlier life has one. Gives how many states there are, and how many commitments had their answer on the way.
 */
export async function everyOrder<R, S>({ steps, begin, wordOf, stateOf, answersOf }: Model<R, S>) {
  const seen = new Set<string>()
  let signed = 0
  for (let border: S[][] = [[]]; border.length > 0;) {
    const paths = border.flatMap((path) => steps.map((step) => [...path, step]))
    border = []
    for (const path of paths) {
      const run = await begin()
      const words: string[] = []
      for (const step of path) words.push(await wordOf(run, step))
      expect(words, JSON.stringify(path)).not.toContain('signed with an old nonce')
      signed += answersOf(run).size
      const state = await stateOf(run)
      for (const answers of answersOf(run).values()) expect(answers.size, JSON.stringify(path)).toBe(1)
      if (!seen.has(state)) border.push(path)
      seen.add(state)
    }
  }
  return { states: seen.size, signed }
}
