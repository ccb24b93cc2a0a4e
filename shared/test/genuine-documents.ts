import { readFileSync } from 'node:fs'
import { openDocument } from '../src/attestation/verify.ts'

export const vector = (name: string) =>
  new Uint8Array(readFileSync(new URL(`vectors/nitro-attestation/${name}`, import.meta.url)))
export const awsRoot = new TextDecoder().decode(vector('aws_nitro_root_g1.pem'))

/** Documents of real enclaves, each with the policy, the nonce and the time at which it verifies. */
export const genuine = ['marlin_sample1.bin', 'evervault_beta_valid.bin', 'fastcrypto_valid_pcr16_attestation.bin'].map(
  (name) => {
    const document = vector(name)
    const { payload } = openDocument(document)
    const policy = {
      roots: [awsRoot],
      measurements: [{ '0': payload.pcrs['0']!, '1': payload.pcrs['1']!, '2': payload.pcrs['2']! }],
    }
    const stride = name.startsWith('marlin') ? 1 : 4
    return { name, document, payload, stride, at: { policy, nonce: payload.nonce, now: payload.timestamp } }
  },
)
export const [marlin] = genuine as [(typeof genuine)[0]]
