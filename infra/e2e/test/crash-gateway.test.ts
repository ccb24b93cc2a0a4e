import type { Key } from '@quorate/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { atEveryWrite, makeKey, refreshKey, sign, startCrashFleet, type CrashFleet } from './support/crash-fleet.ts'
import { hitsIn, sides } from './support/crash-plan.ts'
import { enclaveLog, remainsOf } from '../src/traces.ts'
import { expectNoncesOnce } from './support/crash-traces.ts'

const long = 240_000
let crashing: CrashFleet

beforeAll(async () => {
  // The first plan: the gateway dies when it has been given the roots of new enclaves, and has not kept them.
  crashing = await startCrashFleet({ plan: { step: 'write root', when: 'before', nth: 2, signal: 'SIGKILL' } })
}, long)

afterAll(() => crashing.close(), long)

const keygenStates = [
  'keygen reserved',
  'keygen collecting_participants',
  'keygen key_generation/round1',
  'keygen key_generation/round2',
  'keygen key_generation/round3',
  'keygen key_generation/prepare',
  'keygen key_generation/install',
  'keygen completed',
]
const refreshStates = [
  'refresh refreshing/round1',
  'refresh refreshing/round2',
  'refresh refreshing/round3',
  'refresh preparing',
  'refresh installing',
  'refresh completed',
]
const signingStates = ['signing collecting_participants', 'signing completed']
/** Where an attempt begins with round one, and where it begins with partials, since its hosts have committed ahead. */
const begun = ['signing generating_nonces', 'signing generating_partial_signatures']

describe('a gateway that is killed at every write', { timeout: long }, () => {
  let key: Key

  it('has the same enclaves again when it dies before it has kept their roots', async () => {
    expect(await crashing.lift()).toMatchObject({ step: 'write root' })
    key = await makeKey(crashing.people)
    await sign(crashing.people, key, 'first')
  })

  it.each(sides)('finishes the keygen, killed right %s it, and the key signs', async (when) => {
    const places = await atEveryWrite(crashing, when, async () => {
      key = await makeKey(crashing.people)
    })
    expect(places).toEqual(expect.arrayContaining(keygenStates))
    await sign(crashing.people, key, `made through crashes ${when} every write`)
  })

  it.each(sides)('finishes the signing, killed right %s it', async (when) => {
    let number = 0
    const places = await atEveryWrite(crashing, when, async () => {
      number += 1
      await sign(crashing.people, key, `signature ${number}, crash ${when}`)
    })
    expect(places).toEqual(expect.arrayContaining(signingStates))
    expect(places.some((place) => begun.includes(place))).toBe(true)
  })

  it.each(begun.flatMap((place) => (['before', 'after'] as const).map((when) => ({ place, when }))))(
    'finishes the signing, killed right $when it writes $place',
    async ({ place, when }) => {
      // Whether there is stock for a signing depends on who was faster.
      for (let number = 1; ; number += 1) {
        crashing.lay({ step: 'write', when, place })
        await sign(crashing.people, key, `${number}, ${place}, crash ${when}`)
        if ((await crashing.lift()) !== null) return
        if (place === begun[0]) await crashing.crash('gateway')
      }
    },
  )

  it('finishes the refresh, killed right before or after it, and the key signs', async () => {
    let number = 0
    const refreshed = async () => {
      key = await refreshKey(crashing.people, key)
      number += 1
    }
    const places = await atEveryWrite(crashing, 'before', refreshed)
    expect(places).toEqual(expect.arrayContaining(refreshStates))
    crashing.lay({ step: 'write', when: 'after', place: 'refresh installing' })
    await refreshed()
    expect(await crashing.lift()).toMatchObject({ place: 'refresh installing' })
    expect(key.certificate.body.epoch).toBe(number)
    await sign(crashing.people, key, 'refreshed through crashes')
  })

  it('has spent no nonce twice, left nothing half open, and kept its audit whole', async () => {
    const { fleet, state } = crashing
    await fleet.stop()
    const signings = hitsIn(state).filter(({ place }) => place.startsWith('signing'))
    const { spent } = expectNoncesOnce(enclaveLog(fleet))
    expect(spent).toBeGreaterThanOrEqual(2 * signings.length)
    const { open, records } = await remainsOf(fleet)
    expect(records).toBeGreaterThanOrEqual(2 * signings.length)
    // A reservation whose answer was lost with the gateway is held until it lapses; nothing secret hangs on it.
    expect(open.filter((state) => state !== 'reserved')).toEqual([])
  })
})
