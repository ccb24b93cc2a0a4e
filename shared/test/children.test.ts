import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { describe, expect, it } from 'vitest'
import { loadMpc } from '../mpc/src/index.ts'
import { vectorJson } from '../mpc/test/vectors.js'
import { schemeOf } from '../src/schemes/cryptography.ts'
import { writeKeys } from '../src/schemes/musig2-keys.ts'
import { inMode, type TaskKey } from '../src/verify/task.ts'
import { fromHex, toHex } from '../src/wire/bytes.ts'
import { Mode, mostSteps } from '../src/wire/mode.ts'

/*
 * Children of MuSig2's keys, as wallets name them: the descriptors of BIP-390, whose keys derive by BIP-328.
 */
const mpc = await loadMpc()
const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/** The public key of an extended one (BIP-32): the last 33 of 78 bytes, before the checksum. */
function keyOf(text: string): Uint8Array {
  if (!text.startsWith('xpub')) return fromHex(text)
  const value = Array.from(text).reduce((sum, letter) => sum * 58n + BigInt(ALPHABET.indexOf(letter)), 0n)
  return fromHex(value.toString(16).padStart(164, '0')).slice(45, 78)
}

/** BIP-390 sorts the keys. */
function keyOfAll(names: readonly string[]): TaskKey {
  const pubkeys = new Map(names.map((name, at) => [at + 1, keyOf(name)]))
  const publicKeys = writeKeys({ sorted: true, participants: names.length, pubkeys })
  const { groupKey } = schemeOf(mpc, 'musig2').describe(publicKeys)
  return { scheme: 'musig2', publicKeys, groupKey }
}

/** The Merkle root of the tree whose only script is that of this x-only key (BIP-341, BIP-342). */
function rootOf(key: string): string {
  const tag = sha256(utf8ToBytes('TapLeaf'))
  return toHex(sha256(concatBytes(tag, tag, fromHex(`c02220${key}ac`))))
}

type Vector = Readonly<{ descriptor: string; scripts: readonly string[] }>

/** What the descriptor says beside the keys. */
function read({ descriptor, scripts }: Vector) {
  const [, raw, names = '', path, leaf] =
    /^(raw)?tr\(musig\(([^)]+)\)(\/0\/\*)?(?:,pk\(([0-9a-f]{64})\))?\)$/.exec(descriptor) ?? []
  const merkleRoot = raw === undefined ? (leaf === undefined ? '' : rootOf(leaf)) : null
  const modeAt = (at: number): Mode =>
    path === undefined
      ? { kind: 'taproot', merkleRoot: merkleRoot ?? '' }
      : { kind: 'child', path: [0, at], merkleRoot }
  return { key: keyOfAll(names.split(',')), modes: scripts.map((_, at) => modeAt(at)) }
}

describe('BIP-390', () => {
  const vectors = vectorJson('bip390/descriptors.json') as Vector[]

  it.each(vectors)('pays to the key that signs for $descriptor', (vector) => {
    const { key, modes } = read(vector)
    expect(modes.map((mode) => `5120${toHex(inMode(mpc, key, mode).publicKey)}`)).toEqual(vector.scripts)
  })

  it('has three descriptors of seven scripts', () => {
    expect(vectors.flatMap(({ scripts }) => scripts)).toHaveLength(7)
  })
})

describe('a path', () => {
  it('has steps that need no secret, one at least, and no more than there may be', () => {
    const child = (path: readonly unknown[]) => Mode.safeParse({ kind: 'child', path, merkleRoot: null }).success
    for (const path of [[0], [2 ** 31 - 1, 0], Array(mostSteps).fill(1)]) expect(child(path)).toBe(true)
    for (const path of [[], [2 ** 31], [-1], [1.5], ['0'], Array(mostSteps + 1).fill(1)])
      expect(child(path)).toBe(false)
    expect(Mode.safeParse({ kind: 'child', path: [0] }).success).toBe(false)
  })

  it('is none of a key whose scheme has no extended public key', () => {
    const frost = schemeOf(mpc, 'frost-secp256k1-tr')
    const { publicKeys } = frost.make.deal!({
      secretKey: new Uint8Array(32).fill(1),
      participants: 2,
      threshold: 2,
    })
    const { groupKey } = frost.describe(publicKeys)
    const child: Mode = { kind: 'child', path: [0], merkleRoot: null }
    const asked = () => inMode(mpc, { scheme: 'frost-secp256k1-tr', publicKeys, groupKey }, child)
    expect(asked).toThrow(expect.objectContaining({ code: 'tweak.invalid' }))
  })
})
