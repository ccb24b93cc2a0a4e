import { expect, it } from 'vitest'
import { toHex } from '../wire/bytes.ts'
import { KnownWords } from './known-words.ts'
import { createSigner, signBody, verifyEd25519 } from './sign.ts'

const signers = await Promise.all([1, 2, 3].map((n) => createSigner(new Uint8Array(32).fill(n))))
const keys = signers.map(({ publicKey }) => toHex(publicKey))
const [first, second] = keys as [string, string]
const word = await signBody(signers[1]!, 'consent', { text: 'yes' })

function counting(most = 100) {
  let verified = 0
  const known = new KnownWords(most, (...of) => {
    verified += 1
    return verifyEd25519(...of)
  })
  return { known, verified: () => verified }
}

it('are verified once', async () => {
  const { known, verified } = counting()
  for (let n = 0; n < 3; n += 1) expect(await known.verify(second, 'consent', word)).toBe(true)
  expect(verified()).toBe(1)
})

it('are known by key, kind, text and signature, all of them', async () => {
  const { known } = counting()
  expect(await known.verify(second, 'consent', word)).toBe(true)
  expect(await known.verify(first, 'consent', word)).toBe(false)
  expect(await known.verify(second, 'request', word)).toBe(false)
  expect(await known.verify(second, 'consent', { ...word, body: { text: 'no' } })).toBe(false)
  const other = await signBody(signers[0]!, 'consent', word.body)
  expect(await known.verify(second, 'consent', { ...word, signature: other.signature })).toBe(false)
})

it('that are not good are verified each time', async () => {
  const { known, verified } = counting()
  for (let n = 0; n < 3; n += 1) expect(await known.verify(first, 'consent', word)).toBe(false)
  expect(verified()).toBe(3)
})

it('are found with whoever signed them, and then at once', async () => {
  const { known, verified } = counting()
  for (let n = 0; n < 3; n += 1) expect(await known.signerOf(keys, 'consent', word)).toBe(second)
  expect(verified()).toBe(2)
  expect(await known.signerOf([first], 'consent', word)).toBeNull()
})

it('are forgotten when there are too many, the oldest first', async () => {
  const { known, verified } = counting(2)
  const words = await Promise.all([1, 2, 3].map((n) => signBody(signers[0]!, 'consent', { n })))
  for (const one of [...words, words[2]!, words[0]!]) await known.verify(first, 'consent', one)
  expect(verified()).toBe(4)
})
