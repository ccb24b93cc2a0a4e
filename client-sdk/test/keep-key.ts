import { openHome } from '../src/cli/home.ts'
import { Quorate } from '../src/index.ts'
import { home, inClear } from './command-line.ts'
import { fleet, gateway, wish } from './lying-gateway.ts'

/** Keeps a key of alice, bob and carol in this home, with the seed of this one of them. */
export async function keepKey(name: 'alice' | 'bob' | 'carol') {
  const kept = openHome(home(), inClear)
  const known = await kept.seedOrNew(name)
  const person = (userId: string) =>
    new Quorate({ gateway: gateway.url, trust: fleet.trust }).participant(userId, {
      seed: userId === name ? known : crypto.getRandomValues(new Uint8Array(32)),
    })
  const [alice, bob, carol] = [person('alice'), person('bob'), person('carol')]
  const keygen = await alice.reserveKey(wish)
  for (const one of [bob, carol]) await one.participate(keygen.invitation(one.userId))
  const key = await keygen.completed()
  await kept.saveKey(key)
  return { alice, bob, carol, key }
}
