import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TrustPolicy } from '@quorate/shared/attestation/policy'
import { parseUrl } from '@quorate/shared/wire/url'
import { issuesOf } from '../errors.ts'
import { folder, readIfThere, write } from './files.ts'
import { UsageError } from './usage.ts'

/** Bytes of a trust file at most. */
const longest = 1 << 20

export function parseTrust(text: string, from: string): TrustPolicy {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new UsageError(`${from} cannot be read as JSON: give the trust file of the fleet with --trust`)
  }
  const trust = TrustPolicy.safeParse(json)
  if (trust.success) return trust.data
  throw new UsageError(
    [`${from} is not a trust file:`, ...issuesOf(trust.error).map((issue) => `  ${issue}`)].join('\n'),
  )
}

export async function readTrustFile(file: string): Promise<TrustPolicy> {
  const text = await readFile(file, 'utf8').catch(() => null)
  if (text === null)
    throw new UsageError(`${file} cannot be read as JSON: give the trust file of the fleet with --trust`)
  return parseTrust(text, file)
}

/** From an address: HTTPS, or this machine. What it says is worth what a person compares it with. */
export async function fetchTrust(address: string, signal: AbortSignal): Promise<TrustPolicy> {
  const url = parseUrl(address)
  const isLocal = url !== null && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname)
  if (url === null || (url.protocol !== 'https:' && !isLocal))
    throw new UsageError(`${address}: an address with https: is expected, or a file`)
  const answer = await fetch(url, { signal, redirect: 'error' }).catch((cause: unknown) => {
    signal.throwIfAborted()
    throw new UsageError(`${address} does not answer, or leads elsewhere`, { cause })
  })
  const text = answer.ok ? await answer.text() : ''
  if (!answer.ok || text.length > longest) throw new UsageError(`${address} has no trust file (HTTP ${answer.status})`)
  return parseTrust(text, address)
}

/** Whom this home takes for an enclave, when no file is named. */
export type Trusting = Readonly<{
  trusted: () => Promise<TrustPolicy | null>
  trust: (policy: TrustPolicy) => Promise<string>
}>

export function trustIn(path: string): Trusting {
  const fileFor = async () => join(await folder(path, 'trust'), 'trust.json')
  return {
    async trusted() {
      const file = await fileFor()
      const text = await readIfThere(file)
      return text === null ? null : parseTrust(text, file)
    },
    trust: async (policy) => write(await fileFor(), JSON.stringify(policy, null, 2) + '\n'),
  }
}
