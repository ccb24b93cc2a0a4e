import { showContent, type Key, type Participant, type Signing } from '@quorate/client'
import { claimOf, isDeceived, isGenuine, shortSignature, type Claim } from '../referee.ts'
import type { Stage } from '../stage.ts'
import type { People } from './make-key.ts'

/** What a person sees before saying yes: the content, opened and checked against what the asker signed. */
export async function lookAt(person: Participant, key: Key): Promise<Readonly<{ signing: Signing; text: string }>> {
  const [signing] = await person.pendingSignings(key, { wait: 10_000 })
  if (signing === undefined) throw new Error(`nothing waits for ${person.userId}`)
  const [field] = signing.items.flatMap(({ content }) => showContent(content))
  return { signing, text: field?.text ?? '?' }
}

export type Ask = Readonly<{
  people: People
  key: Key
  text: string
  /** How its duration is called in the table, from the last approval to the verified signature. */
  label: string
}>

/** Alice asks, these people approve what they see, two enclaves sign. `meanwhile` happens between request and approvals. */
export async function sign(
  stage: Stage,
  { people: { alice }, key, text, label }: Ask,
  approvers: readonly Participant[],
  meanwhile: () => Promise<void> = () => Promise.resolve(),
): Promise<Claim> {
  showHolders(stage, key, [])
  for (const name of key.participants) stage.person(name, name === 'alice' ? 'asks' : '')
  const asked = await stage.timed(`alice asks: “${text}”`, () => alice.requestSignature(key, text))
  await meanwhile()
  for (const person of approvers) {
    const seen = await stage.timed(
      `${person.userId} opens the request`,
      () => lookAt(person, key),
      (it) => `and reads “${it.text}”`,
    )
    await stage.timed(`${person.userId} approves`, () => person.approve(seen.signing))
    stage.person(person.userId, 'approves')
  }
  const since = performance.now()
  const result = await stage.timed(
    'two enclaves sign:',
    () => asked.completed({ timeout: 30_000 }),
    ({ receipts }) => `receipts of ${signersOf(key, receipts).join(' and ')}; the SDK verifies all of it`,
  )
  stage.keep(label, performance.now() - since)
  showHolders(stage, key, signersOf(key, result.receipts))
  const claim = claimOf(text, result)
  referee(stage, claim)
  return claim
}

type Receipts = readonly Readonly<{ body: { index: number } }>[]

const seatsOf = (key: Key) =>
  key.certificate.body.roster.skeleton.participants.map(({ userId, index, host }) => {
    return { userId, index, enclaveId: host.identity.enclaveId }
  })

const signersOf = (key: Key, receipts: Receipts): string[] =>
  seatsOf(key)
    .filter(({ index }) => receipts.some(({ body }) => body.index === index))
    .map(({ enclaveId }) => enclaveId)

function showHolders(stage: Stage, key: Key, signers: readonly string[]): void {
  for (const { userId, enclaveId } of seatsOf(key))
    stage.enclave(enclaveId, { note: `${userId}'s share${signers.includes(enclaveId) ? ', signed' : ''}` })
}

function referee(stage: Stage, claim: Claim): void {
  stage.say(`signature ${shortSignature(claim)}`)
  if (isGenuine(claim) && !isDeceived(claim)) stage.good('@noble/curves, who knows nothing of us, says: valid BIP-340')
  else stage.bad('@noble/curves says: NOT valid')
}
