import type { Key, Participant, Signing } from '@quorate/client'
import { claimOf, isDeceived, isGenuine, shortSignature, type Claim } from '../referee.ts'
import type { Stage } from '../stage.ts'
import type { People } from './make-key.ts'

/** What a person sees before saying yes: the content, opened and checked against what the asker signed. */
export async function lookAt(person: Participant, key: Key): Promise<Readonly<{ signing: Signing; text: string }>> {
  const [signing] = await person.pendingSignings(key, { wait: 10_000 })
  if (signing === undefined) throw new Error(`nothing waits for ${person.userId}`)
  const content = signing.items[0]?.content
  const text = content?.type === 'bytes' ? Buffer.from(content.bytes, 'hex').toString() : '?'
  return { signing, text }
}

/** Alice asks, these people approve what they see, two enclaves sign. `meanwhile` happens between request and approvals. */
export async function sign(
  stage: Stage,
  { people: { alice }, key, text }: Readonly<{ people: People; key: Key; text: string }>,
  approvers: readonly Participant[],
  meanwhile: () => Promise<void> = () => Promise.resolve(),
): Promise<Claim> {
  stage.person('alice', 'asks')
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
    'two enclaves sign;',
    () => asked.completed({ timeout: 30_000 }),
    ({ receipts }) => `receipts from ${hostsOf(key, receipts)}; the SDK verifies all of it`,
  )
  stage.keep(`last approval → verified signature (${text.split(' ')[0] ?? ''}…)`, performance.now() - since)
  const claim = claimOf(text, result)
  referee(stage, claim)
  for (const name of key.participants) stage.person(name, '')
  return claim
}

function hostsOf(key: Key, receipts: readonly Readonly<{ body: { index: number } }>[]): string {
  const { participants } = key.certificate.body.roster.skeleton
  return receipts.map(({ body }) => participants[body.index - 1]?.host.identity.enclaveId ?? '?').join(' and ')
}

function referee(stage: Stage, claim: Claim): void {
  stage.say(`signature ${shortSignature(claim)}`)
  if (isGenuine(claim) && !isDeceived(claim)) stage.good('@noble/curves, who knows nothing of us, says: valid BIP-340')
  else stage.bad('@noble/curves says: NOT valid')
}
