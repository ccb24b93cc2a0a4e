/** An enclave that crashes when it is asked for a document over such a nonce, with secrets in what it throws. */
import { runEnclave } from '@quorate/local/enclave/run'
import { decode } from '@quorate/shared/crypto/cbor'
import { canary, crashes } from './leaks.ts'

class Leaking extends Error {
  readonly share = canary
  readonly bytes = Buffer.from(canary)
  override name = canary
}

await runEnclave(process.argv.slice(2), (dispatch) => async (body) => {
  const [method, params] = decode(body) as [string, { nonce?: string }]
  if (method === 'attest') crash(params.nonce ?? '')
  return dispatch(body)
})

function crash(nonce: string): void {
  const error = new Leaking(canary, { cause: new Error(canary) })
  const rejected = () => Promise.reject(error)
  switch (nonce) {
    case crashes['an error']:
      setImmediate(() => {
        throw error
      })
      break
    case crashes['a rejection']:
      void rejected()
      break
    case crashes['a text']:
      setImmediate(() => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- what is thrown may be anything
        throw canary
      })
      break
  }
}
