import { describe } from 'vitest'
import { openBaseline } from '../src/baseline/bunker.ts'
import { checkSigner } from '../src/check-signer.ts'

describe('the baseline over the relay in this process', () => {
  checkSigner(openBaseline)
})
