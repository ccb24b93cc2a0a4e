import type { Signing } from '@quorate/client'
import type { People } from '../../src/people.ts'

/** What all of them gave. Throws why the first gave nothing. */
export const valuesOf = <T>(settled: readonly PromiseSettledResult<T>[]): T[] =>
  settled.map((one) => {
    if (one.status === 'rejected') throw one.reason
    return one.value
  })

/** What Alice has asked for, as this person's SDK shows it. */
export const shownTo = (people: People, name: keyof People, signings: readonly Signing[]): Promise<Signing[]> =>
  Promise.all(signings.map(({ key, signingId }) => people[name].signing(key, signingId)))
