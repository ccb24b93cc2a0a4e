import { exportKey, importKey, type Key } from '@quorate/client'
import type { Fleet } from '../fleet/fleet.ts'
import { isDeceived, isGenuine, type Claim } from './referee.ts'
import type { Stage } from './stage.ts'
import { attestAll, comeUp } from './steps/come-up.ts'
import { farewell } from './steps/farewell.ts'
import { forgeApproval } from './steps/forge-approval.ts'
import { loseEnclave } from './steps/lose-enclave.ts'
import { drawSeeds, makeKey, peopleAt } from './steps/make-key.ts'
import { operatorView } from './steps/operator-view.ts'
import { signByBunker } from './steps/bunker.ts'
import { signMore } from './steps/sign-more.ts'
import { sign } from './steps/sign.ts'

/** Where the tour's fleet is kept, and who must know of it to end it. */
export type Grounds = Readonly<{ state: string; opened: (fleet: Fleet) => void }>

/** The whole tour. True when every signature verified independently and every claim that is shown held. */
export async function tour(stage: Stage, grounds: Grounds): Promise<boolean> {
  const since = performance.now()
  const seeds = drawSeeds()
  const { fleet, identities } = await stage.step('A fleet comes up, and three enclaves prove what they run', () =>
    begin(stage, grounds, since),
  )
  const people = peopleAt(fleet, seeds)
  const key = await stage.step('alice, bob and carol make a key that nobody has', () => makeKey(stage, people))
  const first = await stage.step('alice asks, bob approves, a signature appears', async () => {
    const ask = { people, key, text: 'Two of us agree: the boat is sold.', label: 'the first signature' }
    return [await sign(stage, ask, [people.bob]), ...(await signMore(stage, key, people))]
  })
  const second = await stage.step('An enclave is killed in the middle of it', () => {
    const label = 'a signature by the two that are left'
    return loseEnclave(stage, fleet, { people, key, text: 'Two enclaves will do.', label })
  })
  const served = await stage.step('A program signs over a relay, and an enclave is killed', () =>
    signByBunker(stage, fleet, key, people),
  )
  const again = await stage.step('Everything is stopped, and started again: same enclaves, same key', () =>
    restart(stage, { fleet, identities, key, opened: grounds.opened }),
  )
  const party = peopleAt(again.fleet, seeds)
  const third = await stage.step('The same key signs', () => {
    const label = 'the first signature after the restart'
    return sign(stage, { people: party, key: again.key, text: 'Still us, after all that.', label }, [party.bob])
  })
  const claims: readonly Claim[] = [...first, second, third]
  const blind = await stage.step('What the operator of the gateway sees', () =>
    Promise.resolve(operatorView(stage, again.fleet, { key: again.key, claims, seeds })),
  )
  const firm = await stage.step('And if the gateway cheats?', () => forgeApproval(stage, again.fleet, again.key, party))
  stage.keep('the whole tour', performance.now() - since)

  const verified = claims.filter((claim) => isGenuine(claim) && !isDeceived(claim)).length
  const sameKey = claims.every(({ publicKey }) => publicKey === key.groupKey)
  const sound = verified === claims.length && sameKey && again.same && served && blind && firm
  farewell(stage, { verified, expected: claims.length, sound })
  return sound
}

async function begin(stage: Stage, { state, opened }: Grounds, since: number) {
  const fleet = await comeUp(stage, 'KMS stand-in, three enclaves, gateway', { state, port: 0, sees: '' })
  opened(fleet)
  stage.keep('the fleet is ready: image measured, processes up', performance.now() - since)
  return { fleet, identities: await attestAll(stage, fleet) }
}

type Before = Readonly<{
  fleet: Fleet
  identities: ReadonlyMap<string, string>
  key: Key
  opened: Grounds['opened']
}>

async function restart(stage: Stage, { fleet, identities, key, opened }: Before) {
  const exported = exportKey(key)
  await stage.timed('all processes end', () => fleet.stop())
  for (const id of fleet.enclaveIds) stage.enclave(id, { mark: 'off' })
  stage.gateway(null)
  const since = performance.now()
  const up = await comeUp(stage, 'the same state folder, new processes', {
    state: fleet.state,
    port: Number(new URL(fleet.url).port),
    sees: 'ciphertext',
  })
  opened(up)
  stage.keep('the whole fleet, started again', performance.now() - since)
  const after = await attestAll(stage, up)
  const same = [...identities].every(([id, signKey]) => after.get(id) === signKey)
  if (same) stage.good('each enclave is who it was: KMS gave its root secret to the same image, and only to that')
  else stage.bad('an enclave is another one now')
  return { fleet: up, key: await importKey(exported), same }
}
