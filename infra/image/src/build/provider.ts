import type { MeasuredConfiguration } from '@quorate/enclave/configuration'
import { parseHsmProvider } from '@quorate/shared/wire/sealing'

type Provider = MeasuredConfiguration['sealing']['provider']

/** Reads HSM_PROVIDER as an image can have it. Throws a plain Error that says what it can be. */
export function readImageProvider(text: string): Provider {
  const provider = parseHsmProvider(text)
  if (provider !== 'simulator') return provider
  throw new Error('the simulator is of a local fleet (make fleet HSM_PROVIDER=simulator), and not of an image')
}

/** An image seals with what its configuration names, since that is measured: HSM_PROVIDER only says which one was meant. */
export function requireProvider({ sealing }: MeasuredConfiguration, meant: Provider): void {
  if (sealing.provider === meant) return
  throw new Error(`HSM_PROVIDER is ${meant}, and the configuration seals with ${sealing.provider}`)
}
