import { QuorateError } from '@quorate/client'
import type { RefusalCode } from '@quorate/shared/errors'
import { describe, expect, it } from 'vitest'
import { endingOf } from './ending.ts'

const refused = (code: RefusalCode) => Promise.reject(new QuorateError(code, 'gateway'))
const inAnHour = Date.now() + 3_600_000

/** A session that answers so, one after the other. `now`: its state, or the code of a refusal to say it. */
function session(answers: readonly (RefusalCode | null)[], now: () => Promise<{ state: string }>) {
  const left = [...answers]
  const completed = async () => {
    const code = left.shift() ?? null
    return code === null ? 'result' : refused(code)
  }
  return { completed, status: now }
}

const is = (state: string) => () => Promise.resolve({ state })

describe('how a session ended', () => {
  it('is its result, however often the gateway was away', async () => {
    const asked = session(['gateway.unavailable', 'gateway.draining', null], is('generating_nonces'))
    expect(await endingOf(asked, inAnHour)).toEqual({ code: null, result: 'result' })
  })

  it('is the code that it failed with', async () => {
    expect(await endingOf(session(['signing.expired'], is('expired')), inAnHour)).toEqual({ code: 'signing.expired' })
  })

  it('is what the SDK found wrong with it', async () => {
    const asked = session(['signature.invalid'], is('completed'))
    expect(await endingOf(asked, inAnHour)).toEqual({ code: 'signature.invalid' })
  })

  it('is lost when the gateway does not know it', async () => {
    const asked = session(['request.not_found'], () => refused('request.not_found'))
    expect(await endingOf(asked, inAnHour)).toEqual({ code: 'lost' })
  })

  it('is none when its time is over', async () => {
    const asked = session(['wait.timeout'], is('generating_nonces'))
    expect(await endingOf(asked, Date.now() - 1)).toEqual({ code: 'stuck' })
  })

  it('is no guess: what nobody foresaw is thrown on', async () => {
    const broken = { completed: () => Promise.reject(new TypeError('no')), status: is('completed') }
    await expect(endingOf(broken, inAnHour)).rejects.toThrow(TypeError)
  })
})
