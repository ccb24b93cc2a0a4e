/** Less than this is not worth a word: the Date of an answer has whole seconds, and an answer takes some to come. In ms. */
const worthAWord = 30_000

/** What the clocks of others say of this machine's, so that an error can name the one that is wrong. */
export type Clocks = Readonly<{
  now: () => number
  /** That clock, `the gateway's` for example, has just shown this time (ms). */
  heard: (whose: string, theirs: number) => void
  /** By how much this machine differs from the clocks that were heard, as sentences. Empty when it does from none. */
  differences: () => string[]
}>

export function createClocks(now: () => number): Clocks {
  /** By how many ms this machine is ahead of each. */
  const ahead = new Map<string, number>()
  const isOff = (ms: number): boolean => Math.abs(ms) > worthAWord
  return {
    now,
    heard: (whose, theirs) => {
      if (Number.isFinite(theirs)) ahead.set(whose, now() - theirs)
    },
    differences: () => {
      const all = [...ahead]
      if (!all.some(([, ms]) => isOff(ms))) return []
      return [
        ...all.map(([whose, ms]) => sentence(whose, ms, isOff(ms))),
        ...(all.length > 1 ? [verdict(all, isOff)] : []),
      ]
    },
  }
}

function sentence(whose: string, ms: number, off: boolean): string {
  if (!off) return `this machine's clock agrees with ${whose} clock`
  return `this machine's clock is ${Math.round(Math.abs(ms) / 1_000)} s ${ms > 0 ? 'ahead of' : 'behind'} ${whose} clock`
}

/** When all others agree, this machine is wrong; else those that do not agree with it are. */
function verdict(all: readonly [string, number][], isOff: (ms: number) => boolean): string {
  const wrong = all.filter(([, ms]) => isOff(ms)).map(([whose]) => whose)
  return `set ${wrong.length === all.length ? "this machine's" : wrong.join(' and ')} clock`
}
