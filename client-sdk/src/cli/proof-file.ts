import { constants } from 'node:fs'
import { access, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { refuse } from '../errors.ts'
import type { Key } from '../key.ts'
import { SignatureProof, verifyProof } from '../signing/proof.ts'
import { ItemsRefused, type ItemOutcome } from '../signing/result.ts'
import { readBytes } from './content.ts'
import type { Terminal } from './terminal.ts'
import { UsageError } from './usage.ts'

const reasonOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'it fails'

/** Throws `UsageError` where no file can be written, so that nobody is asked for what would be lost. Nothing for no file. */
export async function requireWritable(file: string | undefined): Promise<void> {
  if (file === undefined) return
  const there = await stat(file).catch(() => null)
  if (there?.isDirectory() === true) throw new UsageError(`--out ${file} is a folder: name a file in it`)
  try {
    await access(there === null ? dirname(file) : file, constants.W_OK)
  } catch (error) {
    throw new UsageError(`--out ${file} cannot be written (${reasonOf(error)}): nothing was asked`)
  }
}

/** Writes a proof. Prints it when the file cannot be written after all, and throws. */
export async function keepProof({ result }: Terminal, file: string, proof: SignatureProof): Promise<void> {
  const text = JSON.stringify(proof, null, 2)
  try {
    await writeFile(file, text + '\n')
  } catch (error) {
    result({ event: 'proof', proof }, [text])
    throw new Error(`${file} cannot be written (${reasonOf(error)}): the proof stands above`, { cause: error })
  }
}

/** Throws `UsageError` for what is no proof. */
export async function readProof(file: string): Promise<SignatureProof> {
  const bytes = await readBytes(file)
  try {
    return SignatureProof.parse(JSON.parse(bytes.toString()))
  } catch {
    throw new UsageError(`${file} is not a proof: \`quorate sign --out FILE\` writes one`)
  }
}

/** The items of a proof, which is verified against the key that is meant. Throws as `verifyProof`, and `signing.request_invalid` for another key's. */
export async function verifyProofOf(key: Key, proof: SignatureProof): Promise<readonly ItemOutcome[]> {
  if (proof.request.body.keyId !== key.keyId) return refuse('signing.request_invalid')
  return verifyProof(key, proof)
}

/** The same, also where not every item was signed. */
export async function provenItems(key: Key, proof: SignatureProof): Promise<readonly ItemOutcome[]> {
  try {
    return await verifyProofOf(key, proof)
  } catch (error) {
    if (error instanceof ItemsRefused) return error.items
    throw error
  }
}
