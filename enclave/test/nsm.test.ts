import { decode, encode } from '@quorate/shared/crypto/cbor'
import { describe, expect, it } from 'vitest'
import { encodeRawMessage, openNsmDevice } from '../src/platform/nsm-device.ts'
import { createNsm } from '../src/platform/nsm.ts'

const refused = { code: 'enclave.failed' }
const bytes = (...values: number[]) => Uint8Array.from(values)

/** So many bytes of entropy, all alike. */
const draw = (value: number, length = 32) => encode({ GetRandom: { random: new Uint8Array(length).fill(value) } })

/** A module that answers each request with the next of these, and keeps what it was asked. */
function answering(...replies: Uint8Array[]) {
  const requests: Uint8Array[] = []
  const nsm = createNsm((request) => {
    requests.push(request)
    return Promise.resolve(replies[requests.length - 1] ?? encode({ Error: 'InternalError' }))
  })
  return { nsm, requests }
}

describe('a request to the security module', () => {
  it('is written as serde writes it: a name, or a name with its fields', async () => {
    const { nsm, requests } = answering(
      encode({ Attestation: { document: bytes(1) } }),
      encode({ GetRandom: { random: new Uint8Array(32).fill(9) } }),
    )
    await nsm.attest({ publicKey: bytes(1, 2), userData: null, nonce: bytes(3) })
    await nsm.random(1)
    expect(decode(requests[0]!)).toEqual({ Attestation: { user_data: null, nonce: bytes(3), public_key: bytes(1, 2) } })
    expect(decode(requests[1]!)).toBe('GetRandom')
  })

  it('extends and locks registers', async () => {
    const { nsm, requests } = answering(
      encode({ ExtendPCR: { data: bytes(5) } }),
      encode('LockPCR'),
      encode('LockPCRs'),
    )
    await expect(nsm.extendPcr(16, bytes(1))).resolves.toEqual(bytes(5))
    await nsm.lockPcr(16)
    await nsm.lockPcrs(20)
    expect(requests.map((request) => decode(request))).toEqual([
      { ExtendPCR: { index: 16, data: bytes(1) } },
      { LockPCR: { index: 16 } },
      { LockPCRs: { range: 20 } },
    ])
  })

  it('is not sent when the driver could not carry it', async () => {
    const { nsm, requests } = answering()
    await expect(nsm.attest({ publicKey: new Uint8Array(4096), userData: null, nonce: null })).rejects.toMatchObject(
      refused,
    )
    expect(requests).toEqual([])
  })
})

describe('a reply of the security module', () => {
  it('is read also from a map of indefinite length', async () => {
    const reply = bytes(0xbf, ...encode('Attestation'), 0xbf, ...encode('document'), 0x41, 7, 0xff, 0xff)
    await expect(answering(reply).nsm.attest({ publicKey: null, userData: null, nonce: null })).resolves.toEqual(
      bytes(7),
    )
  })

  it('fills what was asked from as many draws as it takes, and no more', async () => {
    const { nsm, requests } = answering(draw(1), draw(2))
    await expect(nsm.random(40)).resolves.toEqual(bytes(...Array<number>(32).fill(1), ...Array<number>(8).fill(2)))
    expect(requests).toHaveLength(2)
  })

  it('with bytes that it gave before is refused, whoever asks, and others are taken after it', async () => {
    const { nsm } = answering(draw(1), draw(2), draw(1), draw(2, 64), draw(2))
    await nsm.random(32)
    await nsm.random(32)
    await expect(nsm.random(32)).rejects.toThrow('repeats')
    await expect(nsm.random(32)).resolves.toHaveLength(32)
    await expect(nsm.random(8)).rejects.toThrow('repeats')
  })

  it.each([
    ['an error', encode({ Error: 'InvalidOperation' })],
    ['of another request', encode({ GetRandom: { random: bytes(1) } })],
    ['with two variants', encode({ Attestation: { document: bytes(1) }, GetRandom: { random: bytes(1) } })],
    ['with another field', encode({ Attestation: { document: bytes(1), more: 1 } })],
    ['text where bytes belong', encode({ Attestation: { document: 'x' } })],
    ['a bare name', encode('Attestation')],
    ['nothing', bytes()],
    ['cut short', encode({ Attestation: { document: bytes(1, 2) } }).subarray(0, 20)],
    ['longer than the driver carries', encode({ Attestation: { document: new Uint8Array(0x3000) } })],
  ])('is refused when it is %s', async (_, reply) => {
    await expect(answering(reply).nsm.attest({ publicKey: null, userData: null, nonce: null })).rejects.toMatchObject(
      refused,
    )
  })

  it.each([
    ['an error', encode({ Error: 'ReadOnlyIndex' })],
    ['of another request', encode('LockPCRs')],
    ['with fields where none belong', encode({ LockPCR: {} })],
    ['nothing', bytes()],
  ])('to a lock is refused when it is %s', async (_, reply) => {
    await expect(answering(reply).nsm.lockPcr(16)).rejects.toMatchObject(refused)
  })

  it.each([
    ['none', encode({ GetRandom: { random: bytes() } })],
    ['31 bytes', draw(1, 31)],
  ])('with %s of entropy is refused, and not asked for for ever', async (_, reply) => {
    const { nsm, requests } = answering(reply)
    await expect(nsm.random(1)).rejects.toMatchObject(refused)
    expect(requests).toHaveLength(1)
  })
})

describe('the device', () => {
  it('is asked by the struct of linux/nsm.h', () => {
    const message = encodeRawMessage(0x1122n, 9, 0x3344n, 0x3000)
    expect(Buffer.from(message).toString('hex')).toBe(
      ['2211000000000000', '0900000000000000', '4433000000000000', '0030000000000000'].join(''),
    )
  })

  it('must be there', () => {
    expect(() => openNsmDevice('/nowhere/nsm')).toThrow('ENOENT')
  })

  it.skipIf(process.platform !== 'linux')(
    'that is another than the NSM is refused, and the cause is what the kernel says',
    async () => {
      const ask = openNsmDevice('/dev/null')
      await expect(ask(encode('DescribeNSM'))).rejects.toMatchObject({ ...refused, cause: { code: 'ENOTTY' } })
      await expect(ask(new Uint8Array(0x1001))).rejects.toMatchObject(refused)
    },
  )
})
