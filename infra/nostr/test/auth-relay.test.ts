import { describe } from 'vitest'
import { openBaseline } from '../src/baseline/bunker.ts'
import { checkSigner } from '../src/check-signer.ts'
import { ndk } from '../src/clients/ndk.ts'
import { startRelay } from '../src/relay/embedded.ts'

describe('the baseline over a relay that wants to know who reads and writes', () => {
  // The one client that says it by itself.
  checkSigner(openBaseline, { startRelay: () => startRelay({ auth: true }), drivers: [ndk] })
})
