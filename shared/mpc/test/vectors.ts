import { readFileSync } from 'node:fs'
import { hexToBytes } from '@noble/hashes/utils.js'

/** A file of published test data, as text; see shared/test/vectors/SOURCES.md. */
export function vectorText(path: string): string {
  return readFileSync(new URL(`../../test/vectors/${path}`, import.meta.url), 'utf8')
}

export function vectorJson<T>(path: string): T {
  return JSON.parse(vectorText(path)) as T
}

export const hex = hexToBytes
