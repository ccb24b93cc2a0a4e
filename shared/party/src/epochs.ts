import type { VerifiedKey } from '@quorate/shared/verify/signing'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Version } from '@quorate/shared/wire/recall'

/** What an enclave can tell a peer of a key: the version in force, and a newer one that was agreed to and may be in force already. */
export type Recollection = Readonly<{ current: Version | null; prepared: Version | null }>

/**
 * What an enclave knows of one key, in this life (from the start of its process). Sealed state proves nothing, since whoever
 * keeps it can bring an old one: a share that was loaded signs only once this says so. `word` names the own preparation for
 * `prepared`, or the one by which `current` was installed; null, when the version is only known from others.
 *
 * A keygen or a refresh is over when all n hosts have installed the new version, each on the very preparation that it gave its word for.
 * So there was a moment at which all were prepared at once, and from then on whoever restarts hears of the new version from any
 * of them.
 */
export type Memory = Recollection & Readonly<{ word: string | null; heard: Heard }>

/**
 * What peers have told a host that does not know the current version yet: the newest version that one of them is at, and is not
 * about to leave; and the participants whose hosts have told theirs.
 */
export type Heard = Readonly<{ certain: Version | null; from: readonly number[] }>

const unheard: Heard = { certain: null, from: [] }

/** After a start: everything that is brought may be old. */
export const nothing: Memory = { current: null, prepared: null, word: null, heard: unheard }

export const versionOf = ({ certificate, digest }: VerifiedKey): Version => ({ epoch: certificate.epoch, digest })

export const sameVersion = (a: Version | null, b: Version | null): boolean =>
  a === b || (a !== null && b !== null && a.epoch === b.epoch && a.digest === b.digest)

/** Has it anything to say to a peer that asks? */
export const remembers = ({ current, prepared }: Recollection): boolean => current !== null || prepared !== null

export const maySign = ({ current }: Recollection, version: Version): boolean =>
  current !== null && sameVersion(current, version)

const at = (current: Version): Memory => ({ current, prepared: null, word: null, heard: unheard })

/**
 * This host signs the certificate of `version`, the first of its key. Another attempt may have made another one: the word for that is
 * taken back, and who has installed it certifies no other. Null: refused.
 */
export function certify(memory: Memory, version: Version): Memory | null {
  const { current, prepared } = memory
  if (sameVersion(newest(memory), version)) return memory
  if (current !== null || (prepared !== null && prepared.epoch > 0)) return null
  return prepared === null ? memory : { ...memory, prepared: null, word: null }
}

/**
 * All hosts have certified `version`, which follows `previous`; null: it is the first, and was certified in this life. It may still come
 * to nothing, so the current version goes on. A host that only knows what others prepared (`current` is null) can agree to that and to
 * nothing else. `word`: a name that was never used before. Preparing for something else takes the word back, but for a first version: see
 * `certify`. Null: refused.
 */
export function prepare(memory: Memory, version: Version, previous: Digest | null, word: string): Memory | null {
  if (sameVersion(newest(memory), version)) return memory.word === null ? { ...memory, word } : memory
  if (!mayFollow(memory, version, previous)) return null
  return { current: memory.current, prepared: version, word, heard: memory.heard }
}

const mayFollow = (memory: Recollection, { epoch }: Version, previous: Digest | null): boolean =>
  previous === null
    ? epoch === 0 && !remembers(memory)
    : memory.current?.digest === previous && epoch === memory.current.epoch + 1

/** All hosts have given their word for `version`, this one the given. Null: refused. */
export function install(memory: Memory, version: Version, word: string): Memory | null {
  if (!sameVersion(newest(memory), version) || memory.word !== word) return null
  return memory.prepared === null ? memory : { current: version, prepared: null, word, heard: unheard }
}

const newest = ({ current, prepared }: Recollection): Version | null => prepared ?? current

/** Whose word it is: of the participants `from`, whose host is one. `needed`: of how many participants the hosts must have spoken. */
export type Witness = Readonly<{ from: readonly number[]; needed: number }>

/**
 * Takes over what a peer remembers, which it has said in this life of ours. What the peer has only prepared may be in force
 * already, so its current version is then no good. A first version has none before it: who has prepared that counts as being at it. One
 * peer alone is not believed: it may be a fork of a host that was left behind. Who knows the current version has nothing to learn.
 */
export function learn(memory: Memory, said: Recollection, { from, needed }: Witness): Memory {
  if (memory.current !== null) return memory
  const { current, prepared } = said.prepared?.epoch === 0 ? { current: said.prepared, prepared: null } : said
  const hearsay = isNewer(prepared, memory.prepared) ? { ...memory, prepared, word: null } : memory
  if (current === null) return hearsay
  const { certain, from: before } = memory.heard
  const heard: Heard = {
    certain: prepared === null && isNewer(current, certain) ? current : certain,
    from: [...new Set([...before, ...from])].sort((one, other) => one - other),
  }
  if (heard.from.length < needed || heard.certain === null) return { ...hearsay, heard }
  return arriveAt(hearsay, heard.certain)
}

const isNewer = (version: Version | null, than: Version | null): boolean =>
  version !== null && (than === null || version.epoch > than.epoch)

/** Enough participants have said, in this life of ours, that this is the version in force (see `requiredVouchers`). */
export function vouch(memory: Memory, version: Version): Memory {
  const { current, prepared } = memory
  if (current !== null || (prepared !== null && version.epoch < prepared.epoch - 1)) return memory
  return arriveAt(memory, version)
}

/** At this version, and still prepared for what comes after it. */
const arriveAt = (memory: Memory, current: Version): Memory =>
  memory.prepared !== null && memory.prepared.epoch > current.epoch
    ? { ...memory, current, heard: unheard }
    : at(current)

/** n − t + 1, of participants or of participants' hosts: any t who know of a newer version have one among them. */
export const requiredVouchers = (participants: number, threshold: number): number => participants - threshold + 1
