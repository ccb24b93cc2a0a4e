import { describe, expect, it } from 'vitest'
import { createClocks } from '../src/clocks.ts'
import { Quorate } from '../src/index.ts'
import { fleet, gateway, sentTo, wish, withOwnGateway } from './lying-gateway.ts'
import { people } from './people.ts'

withOwnGateway()

const offBy = (seconds: number) => ({ now: () => Date.now() + seconds * 1_000, retry: { attempts: 1, pause: 1 } })
const said = (text: string) => expect.stringMatching(text) as string

// As reported in MaplePrivacyLabs/Maple#936.
describe("a wrong clock of the user's", () => {
  it.each([
    [-300, '(299|300|301) s behind'],
    [4 * 3_600, '(14399|14400|14401) s ahead of'],
  ])('by %i s is told, and no enclave is called untrusted for it', async (seconds, off) => {
    const { alice } = people(fleet, gateway, offBy(seconds))
    const wrong = {
      code: 'clock.wrong',
      by: 'client',
      issues: [
        said(`^this machine's clock is ${off} the gateway's clock$`),
        said(`^this machine's clock is ${off} the enclaves' clock$`),
        "set this machine's clock",
      ],
    }
    await expect(alice.reserveKey(wish)).rejects.toMatchObject(wrong)
    // Nothing was sealed.
    expect(sentTo('initKeygen')).toEqual([])
  })

  it('is told with the refusal of a gateway that finds the time wrong', async () => {
    const { alice } = people(fleet, gateway, offBy(300))
    gateway.faults.push(...Array.from({ length: 4 }, () => () => undefined), () => ({ problem: 'request.wrong_time' }))
    const refused = alice.reserveKey(wish).then((keygen) => keygen.status())
    const wrong = { code: 'request.wrong_time', by: 'gateway' }
    await expect(refused).rejects.toMatchObject(wrong)
    await expect(refused).rejects.toMatchObject({
      issues: [said('ahead of the gateway'), said('ahead of the enclaves'), "set this machine's clock"],
    })
  })

  it('is no excuse for an enclave that is not trusted', async () => {
    const trust = { ...fleet.trust, measurements: [{ 0: '11'.repeat(48) }] }
    const quorate = new Quorate({ gateway: gateway.url, trust, ...offBy(-300) })
    await expect(quorate.attest('enclave-0')).rejects.toMatchObject({ code: 'attestation.invalid', issues: [] })
  })
})

describe('clocks', () => {
  const clocks = (...theirs: [string, number][]) => {
    const all = createClocks(() => 1_000_000)
    for (const [whose, time] of theirs) all.heard(whose, time)
    return all.differences()
  }
  it('that agree are not spoken of', () => {
    expect(clocks(["the gateway's", 985_000], ["enclave-0's", 1_029_000], ["enclave-1's", NaN])).toEqual([])
  })

  it('name the one that is alone', () => {
    expect(clocks(["the gateway's", 700_000], ["enclave-0's", 1_000_000])).toEqual([
      "this machine's clock is 300 s ahead of the gateway's clock",
      "this machine's clock agrees with enclave-0's clock",
      "set the gateway's clock",
    ])
  })
})
