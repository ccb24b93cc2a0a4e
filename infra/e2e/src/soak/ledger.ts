import { QuorateError } from '@quorate/client'
import type { RefusalCode } from '@quorate/shared/errors'

export type Kind = 'signing' | 'keygen' | 'refresh'
/** `lost`: the gateway that acknowledged it does not know it any more. `stuck`: it has no end long after its deadline. */
export type EndCode = RefusalCode | 'lost' | 'stuck'

/**
 * Something that the gateway has acknowledged. `agreed`: everybody whose word it needs has given it. `code`: null when it was completed.
 * Times in ms.
 */
export type Entry = Readonly<{ kind: Kind; id: string; askedAt: number }> & { agreed: boolean; end: End | null }
type End = Readonly<{ code: EndCode | null; took: number }>

/** What the SDK refuses has a code. Anything else was foreseen by nobody, and is thrown on. */
export function refusalOf(error: unknown): QuorateError {
  if (error instanceof QuorateError) return error
  throw error
}

/** Something that was not acknowledged: a request, or somebody's word on one. */
export type Refused = Readonly<{ step: string; id: string; code: RefusalCode }>

/** What was asked, how it ended, and what was wrong with it. */
export class Ledger {
  readonly entries: Entry[] = []
  readonly refused: Refused[] = []
  /** A sentence each. */
  readonly wrong: string[] = []

  /** `askedAt`: when it was asked for, by `performance.now`. */
  asked(kind: Kind, id: string, askedAt: number): Entry {
    const entry: Entry = { kind, id, askedAt, agreed: false, end: null }
    this.entries.push(entry)
    return entry
  }

  ended(entry: Entry, code: EndCode | null): void {
    entry.end = { code, took: performance.now() - entry.askedAt }
  }

  /** Throws on what is no refusal. */
  refuse(step: string, id: string, error: unknown): void {
    this.refused.push({ step, id, code: refusalOf(error).code })
  }

  /** Something that nobody foresaw. */
  fault(where: string, error: unknown): void {
    this.wrong.push(`${where}: ${error instanceof Error ? (error.stack ?? error.message) : 'unknown'}`)
  }

  /** How many have no end yet. */
  get open(): number {
    return this.entries.filter(({ end }) => end === null).length
  }
}
