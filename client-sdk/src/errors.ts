import { $ZodError } from 'zod/v4/core'
import en from 'zod/v4/locales/en.js'
import * as z from 'zod/mini'
import { Refusal, refusals, type Holder, type RefusalCode } from '@quorate/shared/errors'
import type { Retry } from '@quorate/shared/refusal-row'

/** Who says that something is refused. */
export type Voice = 'gateway' | 'hosts' | 'client'

type Details = Readonly<{
  culprits?: readonly number[]
  issues?: readonly string[]
  bound?: Holder | undefined
  retryAfter?: number | undefined
  requestId?: string | null
  cause?: unknown
}>

/**
 * Whatever the SDK refuses, or was refused. `code` is of the closed table; `by` tells who says so: `gateway` is the word of
 * a gateway that may lie, `hosts` that of a whole quorum under its receipts, `client` was found by checking here. `culprits` are
 * participant indices (1…n). `title` is what the table says, and `message` that with the issues. `bound`: whose bound is reached, where one is. `retryAfter`: after so many ms it may be better, where the
 * gateway says so. `requestId`: by which the gateway's operator finds the request, where it was answered.
 */
export class QuorateError extends Error {
  override readonly name = 'QuorateError'
  readonly code: RefusalCode
  readonly title: string
  readonly by: Voice
  readonly retry: Retry
  readonly culprits: readonly number[]
  readonly issues: readonly string[]
  readonly bound: Holder | null
  readonly retryAfter: number | null
  readonly requestId: string | null

  constructor(code: RefusalCode, by: Voice, details: Details = {}) {
    const { culprits = [], issues = [], bound = null, retryAfter = null, requestId = null, cause } = details
    const { title } = refusals[code]
    super(issues.length > 0 ? `${title}: ${issues.join('; ')}` : title, cause === undefined ? undefined : { cause })
    this.code = code
    this.title = title
    this.by = by
    this.retry = refusals[code].retry
    this.culprits = culprits
    this.issues = issues
    this.bound = bound
    this.retryAfter = retryAfter
    this.requestId = requestId
  }
}

/** Throws what the SDK found out by itself. */
export const refuse = (code: RefusalCode, culprits: readonly number[] = []): never => {
  throw new QuorateError(code, 'client', { culprits })
}

// Without a language, zod/mini says "Invalid input" of everything.
z.config(en())

/** The places that do not fit, and why, from a schema's error. */
export const issuesOf = ({ issues }: $ZodError): string[] =>
  issues.map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': '))

export const invalid = (error: $ZodError): QuorateError =>
  new QuorateError('request.invalid', 'client', { issues: issuesOf(error) })

/** Runs one public operation, so that whatever a check or a schema inside refuses comes out as a `QuorateError`. */
export async function refusing<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation()
  } catch (error) {
    if (error instanceof Refusal) throw new QuorateError(error.code, 'client', { culprits: error.culprits })
    if (error instanceof $ZodError) throw invalid(error)
    throw error
  }
}

/** For a `catch`: null where it is one of these errors. Throws any other. */
export const nullFor =
  (codes: readonly string[]) =>
  (error: unknown): null => {
    if ((error instanceof Refusal || error instanceof QuorateError) && codes.includes(error.code)) return null
    throw error
  }
