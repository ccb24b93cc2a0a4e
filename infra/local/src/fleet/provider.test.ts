import { describe, expect, it } from 'vitest'
import { FleetError } from './events.ts'
import { requireSimulator } from './provider.ts'

describe('HSM_PROVIDER of a local fleet', () => {
  it('is the simulator', () => {
    expect(() => requireSimulator('simulator')).not.toThrow()
  })

  it('is refused when it is another, with what to do', () => {
    expect(() => requireSimulator('google')).toThrow('make eif HSM_PROVIDER=google')
    expect(() => requireSimulator('google')).toThrow(FleetError)
    expect(() => requireSimulator('softhsm')).toThrow('aws, aws-cloudhsm, azure, google, simulator')
    expect(() => requireSimulator('softhsm')).toThrow(FleetError)
  })
})
