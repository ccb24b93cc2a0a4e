import type { ContentType, Key, Participant, Quorate, Signable } from '@quorate/client'

/** A key, and as many of its people as sign: the first asks. */
export type Group = Readonly<{ key: Key; people: readonly Participant[] }>

export type Shape = Readonly<{ scheme: Key['scheme']; threshold: number; of: number; content?: ContentType[] }>

export async function makeGroup(quorate: Quorate, { scheme, threshold, of, ...content }: Shape): Promise<Group> {
  const participants = Array.from({ length: of }, (_, at) => `person-${at + 1}`)
  const all = participants.map((name) =>
    quorate.participant(name, { seed: crypto.getRandomValues(new Uint8Array(32)) }),
  ) as [Participant, ...Participant[]]
  const keygen = await all[0].reserveKey({ scheme, threshold, participants, ...content })
  await Promise.all(all.slice(1).map((one) => one.participate(keygen.invitation(one.userId))))
  return { key: await keygen.completed(), people: all.slice(0, threshold) }
}

/** One signing end to end: one asks for all items, the others look at them and approve, all signatures and pre-signatures are verified. */
export async function signItems({ key, people }: Group, items: readonly Signable[]): Promise<void> {
  const [first, ...others] = people as [Participant, ...Participant[]]
  const signing = await first.requestSignature(key, items)
  await Promise.all(others.map((one) => one.approve(signing)))
  await signing.completed()
}
