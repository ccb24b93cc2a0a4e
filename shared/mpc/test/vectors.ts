import { readFileSync } from 'node:fs'
import { hexToBytes } from '@noble/hashes/utils.js'

/** A file of published test data, as text; see shared/test/vectors/SOURCES.md. */
export function vectorText(path: string): string {
  return readFileSync(new URL(`../../test/vectors/${path}`, import.meta.url), 'utf8')
}

/** Parsed; the caller says with `as` what it knows of its shape. */
export function vectorJson(path: string): unknown {
  return JSON.parse(vectorText(path))
}

export const hex = hexToBytes
