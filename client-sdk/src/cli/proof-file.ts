import { constants } from 'node:fs'
import { access, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { SignatureProof } from '../signing/proof.ts'
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
