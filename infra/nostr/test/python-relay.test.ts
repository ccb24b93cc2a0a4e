import { describe } from 'vitest'
import { openBaseline } from '../src/baseline/bunker.ts'
import { checkSigner } from '../src/check-signer.ts'
import { pythonEnvironment } from '../src/python/environment.ts'
import { startPythonRelay } from '../src/relay/python.ts'

const missing = 'missing' in (await pythonEnvironment())

describe.skipIf(missing)('the baseline over nostr-relay of PyPI', () => {
  checkSigner(openBaseline, { startRelay: startPythonRelay })
})
