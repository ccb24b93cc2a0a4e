import { parseHsmProvider } from '@quorate/shared/wire/sealing'
import { FleetError } from './events.ts'

/** A fleet on one machine has the KMS stand-in and nothing else. Throws a `FleetError` for any other HSM_PROVIDER. */
export function requireSimulator(text: string): void {
  const provider = read(text)
  if (provider === 'simulator') return
  const advice = `make eif HSM_PROVIDER=${provider} makes an image that seals with ${provider}`
  throw new FleetError(`a local fleet seals with the simulator alone: leave HSM_PROVIDER out. ${advice}`)
}

function read(text: string): ReturnType<typeof parseHsmProvider> {
  try {
    return parseHsmProvider(text)
  } catch (error) {
    throw new FleetError(error instanceof Error ? error.message : 'HSM_PROVIDER is unknown')
  }
}
