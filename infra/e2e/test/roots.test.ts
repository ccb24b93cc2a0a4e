import { randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { openRoot, sealRoot } from '@quorate/enclave/vault/root'
import { deriveHostKeys } from '@quorate/party/host-keys'
import type { Platform } from '@quorate/enclave/platform/platform'
import { createNsm } from '@quorate/enclave/platform/nsm'
import { decode, encode } from '@quorate/shared/crypto/cbor'
import { taggedHash } from '@quorate/shared/crypto/hash'
import { fromBase64url, toBase64url } from '@quorate/shared/wire/bytes'
import type { EnclaveIdentity } from '@quorate/shared/wire/identity'
import { createCluster, startEnclave, type Cluster } from './support/cluster.ts'

/*
 * Who may encrypt under the KMS key, or answers in its place, can seal a root of its own making so that an enclave opens it. What
 * it cannot make is the birth document. The KMS of this cluster gives everything to everybody.
 */
type Blob = { birth: string } & Record<string, unknown>

let cluster: Cluster
let platform: Platform
let genuine: { identity: EnclaveIdentity; sealedRoot: string }
/** A root that the attacker knows, and who an enclave on it would be. */
const known = new Uint8Array(32).fill(7)
let forgedIdentity: EnclaveIdentity

const boot = (sealedRoot: string | null) => startEnclave(platform).call('boot', { sealedRoot })
const withBirth = (sealedRoot: string, birth: Uint8Array): string => {
  const blob = decode(fromBase64url(sealedRoot)) as Blob
  return toBase64url(encode({ ...blob, birth: toBase64url(birth) }))
}
const birthOf = (sealedRoot: string): Uint8Array => fromBase64url((decode(fromBase64url(sealedRoot)) as Blob).birth)
const forge = async (birth: Uint8Array): Promise<string> => toBase64url(await sealRoot(platform, known, birth))

beforeAll(async () => {
  cluster = await createCluster({ size: 1 })
  platform = cluster.platformOf('enclave-9')
  const { identity, sealedRoot } = await boot(null)
  genuine = { identity, sealedRoot: sealedRoot ?? '' }
  forgedIdentity = (await deriveHostKeys(platform.mpc, 'enclave-9', known)).identity
})

describe('a root that was not drawn in an enclave', () => {
  it('is refused with the birth document of another root', async () => {
    await expect(boot(await forge(birthOf(genuine.sealedRoot)))).rejects.toMatchObject({ code: 'root.invalid' })
  })

  it('is refused with a document that the enclave gives to whoever asks for its identity', async () => {
    const nonce = '00'.repeat(32)
    const enclave = startEnclave(platform)
    await enclave.call('boot', { sealedRoot: genuine.sealedRoot })
    const { document } = await enclave.call('attest', { nonce })
    await expect(boot(await forge(fromBase64url(document)))).rejects.toMatchObject({ code: 'root.invalid' })
  })

  it.each([['another image'], ['debug']])('is refused with a birth in %s', async (image) => {
    const claims = { publicKey: null, userData: taggedHash('birth', forgedIdentity), nonce: null }
    const birth = await cluster.issue('enclave-9', claims, image)
    await expect(boot(await forge(birth))).rejects.toMatchObject({ code: 'root.invalid' })
  })

  it('is refused with no birth document, and with a damaged one', async () => {
    await expect(boot(await forge(new Uint8Array(0)))).rejects.toMatchObject({ code: 'root.invalid' })
    const damaged = birthOf(genuine.sealedRoot)
    damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1
    await expect(boot(withBirth(genuine.sealedRoot, damaged))).rejects.toMatchObject({ code: 'root.invalid' })
  })

  it('would open, had an accepted image certified its birth: nothing else stands in its way', async () => {
    const claims = { publicKey: null, userData: taggedHash('birth', forgedIdentity), nonce: null }
    const { identity } = await boot(await forge(await cluster.issue('enclave-9', claims)))
    expect(identity).toEqual(forgedIdentity)
  })
})

describe('a genuine root', () => {
  it('opens years after its birth, when the certificates of that day have long expired', async () => {
    const { now } = cluster.clock
    cluster.clock.now = now + 5 * 365 * 86_400_000
    await expect(boot(genuine.sealedRoot)).resolves.toMatchObject({ identity: genuine.identity })
    cluster.clock.now = now
  })

  it('is refused before its birth', async () => {
    const { now } = cluster.clock
    cluster.clock.now = now - 3_600_000
    await expect(boot(genuine.sealedRoot)).rejects.toMatchObject({ code: 'root.invalid' })
    cluster.clock.now = now
  })

  it('does not open in an enclave of another name: KMS binds the data key to the name', async () => {
    const other = startEnclave(cluster.platformOf('enclave-8'))
    await expect(other.call('boot', { sealedRoot: genuine.sealedRoot })).rejects.toMatchObject({ code: 'kms.denied' })
  })

  it('is not made at all when KMS gives a key that it does not give back, since it would be lost', async () => {
    const { generateDataKey } = platform.kms
    const damaging: Platform['kms']['generateDataKey'] = async (context) => {
      const given = await generateDataKey(context)
      given.plaintext[0] = (given.plaintext[0] ?? 0) ^ 1
      return given
    }
    const enclave = startEnclave({ ...platform, kms: { ...platform.kms, generateDataKey: damaging } })
    await expect(enclave.call('boot', { sealedRoot: null })).rejects.toMatchObject({ code: 'kms.invalid' })
  })

  it('is not drawn from a security module that says what it said before', async () => {
    const random = new Uint8Array(randomBytes(256))
    const module = cluster.platformOf('enclave-7')
    const repeating = createNsm(() => Promise.resolve(encode({ GetRandom: { random } })))
    const nsm = { ...module.nsm, random: repeating.random }
    const enclave = () => startEnclave({ ...module, nsm }).call('boot', { sealedRoot: null })
    const { identity } = await enclave()
    await expect(enclave()).rejects.toMatchObject({ code: 'enclave.failed' })

    // Of a module that repeats itself over lives nobody can know, but it decides nothing alone.
    const again = createNsm(() => Promise.resolve(encode({ GetRandom: { random } })))
    const next = startEnclave({ ...module, nsm: { ...module.nsm, random: again.random } })
    expect((await next.call('boot', { sealedRoot: null })).identity.signKey).not.toBe(identity.signKey)
  })

  it('is sealed under another key each time, also when KMS gives the same one twice', async () => {
    const given = { plaintext: new Uint8Array(32).fill(3), ciphertext: new Uint8Array(1), keyId: 'k' }
    const give = () => Promise.resolve({ ...given, plaintext: given.plaintext.slice() })
    // The data key is made to repeat, also to whoever opens.
    const repeating: Platform = { ...platform, kms: { ...platform.kms, generateDataKey: give, decrypt: give } }
    const seal = async () => decode(await sealRoot(repeating, known, new Uint8Array(0))) as object
    const [first, second] = [await seal(), await seal()]
    await expect(openRoot(repeating, encode(first))).resolves.toMatchObject({ root: known })
    const { salt } = second as { salt: string }
    await expect(openRoot(repeating, encode({ ...first, salt }))).rejects.toMatchObject({ code: 'root.invalid' })
  })
})
