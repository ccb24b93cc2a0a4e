import * as z from 'zod/mini'
import { readCertificate } from './certificate.ts'

const block = /-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----/g
/** Texts that were read before: a policy is looked at with each document, and its roots do not change. */
const read = new Map<string, readonly Uint8Array[]>()
const most = 64

/**
 * The certificates in a text, as DER: all blocks of PEM with whatever stands between them, or base64 of one. None when one of them cannot
 * be read as a certificate of the shape that Nitro's have.
 */
export function certificatesIn(text: string): readonly Uint8Array[] {
  const known = read.get(text)
  if (known !== undefined) return known
  const blocks = [...text.matchAll(block)].map(([, base64 = '']) => base64)
  const certificates = readAll(blocks.length > 0 ? blocks : [text])
  if (read.size >= most) read.clear()
  read.set(text, certificates)
  return certificates
}

function readAll(texts: readonly string[]): readonly Uint8Array[] {
  try {
    return texts.map((base64) => {
      const der = Uint8Array.from(atob(base64.replaceAll(/\s/g, '')), (char) => char.charCodeAt(0))
      return readCertificate(der).der
    })
  } catch {
    return []
  }
}

/** A root, or several in one text. A text without any would make every enclave look as if it were not trusted. */
export const Root = z
  .string()
  .check(
    z.refine((text) => certificatesIn(text).length > 0, 'no certificate of P-384, as PEM or base64, can be read in it'),
  )
