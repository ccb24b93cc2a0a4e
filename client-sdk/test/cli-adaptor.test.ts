import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import { beforeEach, describe, expect, it } from 'vitest'
import { hashOfBytes } from '../../shared/test/bytes-hash.js'
import { environment, folder, runLine, withOwnHome } from './command-line.ts'

withOwnHome()

const quorate = (...line: string[]) => runLine([...line, '--as', 'alice'], environment())
const path = (name: string) => join(folder, name)

/** A secret in a file, with its point. */
async function secretIn(name: string): Promise<{ file: string; secret: string; point: string }> {
  const secret = schnorr.utils.randomSecretKey()
  await writeFile(path(name), `${toHex(secret)}\n`)
  return { file: path(name), secret: toHex(secret), point: toHex(secp256k1.getPublicKey(secret, true)) }
}

let keyId: string
beforeEach(async () => {
  const named = ['--scheme', 'musig2', '-t', '2', 'alice', 'bob', '--no-wait', '--json']
  const { lines } = await quorate('keygen', ...named)
  const [made] = lines as unknown as [{ keyId: string; invitations: { link: string }[] }]
  keyId = made.keyId
  await runLine(['participate', made.invitations[0]!.link, '--as', 'bob'], environment())
  expect(await quorate('status', keyId, '--wait')).toMatchObject({ code: 0 })
})

/** A proof of what both have signed or pre-signed. */
async function proofOf(text: string, ...more: string[]): Promise<string> {
  const file = path(`${text}.proof.json`)
  const { lines } = await quorate('sign', keyId, text, ...more, '--no-wait', '--json')
  const { signingId } = lines.find(({ event }) => event === 'requested') as { signingId: string }
  expect(await runLine(['approve', signingId, '--yes', '--as', 'bob'], environment())).toMatchObject({ code: 0 })
  expect(await quorate('status', signingId, '--wait', '--out', file)).toMatchObject({ code: 0 })
  return file
}

type Signed = { signature: string; publicKey: string }

async function complete(file: string, ...secrets: string[]): Promise<Signed> {
  const options = secrets.flatMap((secret) => ['--secret', secret])
  const { code, lines } = await quorate('adaptor', 'complete', keyId, file, ...options, '--json')
  expect(code).toBe(0)
  return lines.find(({ event }) => event === 'signed') as unknown as Signed
}

const isSigned = ({ signature, publicKey }: Signed, text: string) =>
  schnorr.verify(fromHex(signature), hashOfBytes(text), fromHex(publicKey))

describe('quorate adaptor', () => {
  it('completes a pre-signature with its secret, and has the secret of the signature', async () => {
    const { file: secret, secret: expected, point } = await secretIn('t.hex')
    const proof = await proofOf('swap', '--adaptor', point, '--taproot')
    expect(await quorate('verify', keyId, '--proof', proof)).toMatchObject({ code: 0 })
    const signed = await complete(proof, secret)
    expect(isSigned(signed, 'swap')).toBe(true)
    expect(await quorate('verify', keyId, signed.signature, 'swap', '--taproot')).toMatchObject({ code: 0 })

    const out = path('learnt.hex')
    const extracted = await quorate('adaptor', 'extract', keyId, proof, signed.signature, '--out', out)
    expect(extracted.code).toBe(0)
    expect(await readFile(out, 'utf8')).toBe(`${expected}\n`)
    expect((await stat(out)).mode & 0o777).toBe(0o600)
    expect([extracted.out, extracted.err].join()).not.toContain(expected)
    expect(await complete(proof, out)).toEqual(signed)
    const again = await quorate('adaptor', 'extract', keyId, proof, signed.signature, '--out', out)
    expect(again).toMatchObject({ code: 2 })
    expect(again.err).toContain('EEXIST')
  })

  it('asks for all of several secrets by terms with proofs, and has the last of them for who knows the others', async () => {
    const secrets = [await secretIn('a.hex'), await secretIn('b.hex')]
    const points: { point: unknown; proof: unknown }[] = []
    for (const { file } of secrets) {
      const { lines } = await quorate('adaptor', 'prove', '--secret', file, '--json')
      points.push({ point: lines[0]!['point'], proof: lines[0]!['proof'] })
    }
    expect(points.map(({ point }) => point)).toEqual(secrets.map(({ point }) => point))
    await writeFile(path('terms.json'), JSON.stringify({ kind: 'all', points }))
    const proof = await proofOf('both', '--adaptor', path('terms.json'))
    const [a, b] = secrets as [(typeof secrets)[0], (typeof secrets)[0]]
    const signed = await complete(proof, b.file, a.file)
    expect(isSigned(signed, 'both')).toBe(true)
    const out = path('last.hex')
    const line = ['adaptor', 'extract', keyId, proof, signed.signature, '--known', a.file, '--out', out]
    expect(await quorate(...line)).toMatchObject({ code: 0 })
    expect(await readFile(out, 'utf8')).toBe(`${b.secret}\n`)
    const half = await quorate('adaptor', 'complete', keyId, proof, '--secret', a.file)
    expect(half.code).toBe(1)
    expect(half.err).toContain('adaptor.secret_invalid')
  })

  it('says what is wrong with what it was given', async () => {
    const { file, point } = await secretIn('t.hex')
    const [plain, swap] = [await proofOf('plain'), await proofOf('swap', '--adaptor', point)]
    await writeFile(path('none.hex'), 'no secret')
    const wrong = await secretIn('wrong.hex')
    const spoilt = path('spoilt.json')
    await writeFile(spoilt, (await readFile(swap, 'utf8')).replace(/("results": \[\s+")../, '$1ff'))
    const cases: [string[], number, string][] = [
      [['complete', keyId, plain, '--secret', file], 2, 'no pre-signature'],
      [['complete', keyId, swap, '--secret', file, '--item', '2'], 2, 'as item 2'],
      [['complete', keyId, swap, '--secret', path('none.hex')], 2, '32 bytes in hex'],
      [['complete', keyId, swap, '--secret', path('missing')], 2, 'cannot be read'],
      [['complete', keyId, swap, '--secret', '-', '--secret', '-'], 2, 'standard input'],
      [['complete', keyId, swap, '--secret', wrong.file], 1, 'adaptor.secret_invalid'],
      [['complete', keyId, spoilt, '--secret', file], 3, 'signature.invalid'],
      [['complete', keyId, file, '--secret', file], 2, 'is not a proof'],
      [['extract', keyId, swap, 'ab', '--out', path('x')], 2, '64 bytes in hex'],
      [['extract', keyId, swap, 'ab'.repeat(64), '--out', path('x')], 3, 'signature.invalid'],
    ]
    for (const [line, code, why] of cases) {
      const ran = await quorate('adaptor', ...line)
      expect({ line, code: ran.code }).toEqual({ line, code })
      expect(ran.err + ran.out).toContain(why)
      expect(ran.err + ran.out).not.toContain(wrong.secret)
    }
  })
})
