import type { Key } from '../key.ts'

/** What is known of the enclave that holds the share of a participant. `machine`, `image`, `sealing`: null unless it proved itself just now. */
export type Place = Readonly<{
  userId: string
  enclaveId: string
  machine: string | null
  image: string | null
  sealing: string | null
}>

/** The instance in the name of a Nitro module, such as `i-0123-enc4567`; the whole of it where there is none. */
export const machineOf = (moduleId: string): string => /^(.+)-enc[0-9a-z]+$/.exec(moduleId)?.[1] ?? moduleId

/** One thing on which shares depend together, and the largest number of them that do. Null when some of it is not known. */
type Common = Readonly<{ kinds: number; most: number }> | null

function commonIn(places: readonly Place[], of: (place: Place) => string | null): Common {
  const counts = new Map<string, number>()
  for (const place of places) {
    const name = of(place)
    if (name === null) return null
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return { kinds: counts.size, most: Math.max(...counts.values()) }
}

/**
 * On what the shares of a key depend together. What holds a threshold of them can sign when it is taken over, and where so few are outside
 * that no threshold is left, the key stops without it.
 */
export function independenceOf({ threshold, participants }: Key, places: readonly Place[]) {
  const judge = (common: Common) =>
    common && {
      ...common,
      holdsQuorum: common.most >= threshold,
      isNeeded: participants.length - common.most < threshold,
    }
  return {
    enclaves: judge(commonIn(places, ({ enclaveId }) => enclaveId)),
    machines: judge(commonIn(places, ({ machine }) => machine)),
    images: judge(commonIn(places, ({ image }) => image)),
    keyServices: judge(commonIn(places, ({ sealing }) => sealing)),
  }
}

export type Independence = ReturnType<typeof independenceOf>

const nouns: readonly (readonly [keyof Independence, string, string])[] = [
  ['enclaves', 'enclave', 'enclaves'],
  ['machines', 'machine', 'machines'],
  ['images', 'image', 'images'],
  ['keyServices', 'key service', 'key services'],
]

/** In words, one line for each kind. */
export const independenceLines = (of: Independence): string[] =>
  nouns.map(([name, one, many]) => {
    const common = of[name]
    if (common === null) return `${many} unknown: not all enclaves have proved themselves`
    const count = common.kinds === 1 ? `one ${one}` : `${common.kinds} ${many}`
    const holds = common.holdsQuorum ? `: one ${one} holds enough shares to sign` : ''
    return `${count}${holds}${common.isNeeded ? `${holds === '' ? ':' : ','} without one the key stops` : ''}`
  })
