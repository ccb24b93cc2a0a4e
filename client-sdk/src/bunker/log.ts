import { openLogLine } from '@quorate/shared/crypto/bunker-secrets'
import { digestOf, verifyBody } from '@quorate/shared/crypto/sign'
import { Refusal } from '@quorate/shared/errors'
import { saidBy, hostsOf } from '@quorate/shared/verify/bunker'
import type { LogEntry, LogLine } from '@quorate/shared/wire/bunker'
import type { SignKey } from '@quorate/shared/wire/ids'
import type { LogRow } from '@quorate/shared/wire/routes/bunker'
import type { SigningReceipt } from '@quorate/shared/wire/signing'
import { QuorateError, refuse } from '../errors.ts'
import { waitFor, type Reader } from '../http/reader.ts'
import { sessionSecretOf, verifiedKey, type Key } from '../key.ts'
import { breakOf, extend, type Chain, type Link } from './chain.ts'
import { sharesOf } from './state.ts'

/** A line that a host of the key wrote. `receipts`: of the signing that it led to, each under V of its host. */
export type ReadLine = Readonly<{
  /** Where the gateway keeps it: lines after it have higher numbers. */
  at: number
  /** User ids of those whose shares the host that wrote it holds. */
  host: readonly string[]
  /** By that host's clock, ms. */
  time: number
  line: LogLine
  receipts: readonly SigningReceipt[]
}>

/**
 * What is wrong with a log. `log.forged`: no host of the key wrote the line at `at`, or it does not open, or a receipt beside it is nobody's.
 * `log.broken`: a host wrote lines between two others that are not there, or two at one place; `at` is the line after the gap.
 */
export class LogProblem extends QuorateError {
  readonly at: number

  constructor(code: 'log.forged' | 'log.broken', at: number, issue: string, culprits: readonly number[] = []) {
    super(code, 'client', { culprits, issues: [issue] })
    this.at = at
  }
}

/** How far somebody has read. Given to the next reading, it goes on from there, chains and all. */
export type LogPlace = Readonly<{ at: number; chains: ReadonlyMap<string, Chain> }>

/** `next`: to read on from. `problems` are as of now: a line that is late fills its gap. */
export type LogPage = Readonly<{ lines: readonly ReadLine[]; problems: readonly LogProblem[]; next: LogPlace }>

export const logStart: LogPlace = { at: 0, chains: new Map() }

type Told = Readonly<{ row: LogRow; host: SignKey; line: LogLine }>

const lifeOf = ({ body }: LogEntry, host: SignKey): string => `${host}/${body.life.id}`

const linkOf = ({ row: { at, entry } }: Told): Link => {
  const { seq, previous } = entry.body
  return { at, seq, previous, digest: digestOf('log-entry', entry.body) }
}

async function tell(key: Key, row: LogRow, likely: ReadonlyMap<string, SignKey>): Promise<Told | LogProblem> {
  const { entry, at } = row
  const host = await saidBy(verifiedKey(key), 'log-entry', entry, { likely: likely.get(entry.body.life.id) })
  if (host === null) return new LogProblem('log.forged', at, `line ${at} was signed by no host of this key`)
  try {
    return { row, host, line: openLogLine(sessionSecretOf(key), entry) }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const whose = sharesOf(key, host)
    return new LogProblem('log.forged', at, `line ${at} does not open: its host wrote it for others`, whose)
  }
}

/** Receipts of hosts of this key, all of one signing. What else stands there is left out, and said. */
async function soundReceipts(key: Key, { at, receipts }: LogRow): Promise<readonly SigningReceipt[] | LogProblem> {
  const hosts = hostsOf(verifiedKey(key))
  const [first] = receipts
  for (const receipt of receipts) {
    const { index, requestDigest, packageDigest, resultDigest } = receipt.body
    const host = hosts.get(index)
    const isOfOne =
      requestDigest === first?.body.requestDigest &&
      packageDigest === first.body.packageDigest &&
      resultDigest === first.body.resultDigest
    if (host === undefined || !isOfOne || !(await verifyBody(host, 'signing-receipt', receipt)))
      return new LogProblem('log.forged', at, `a receipt beside line ${at} is not of the hosts of one signing`)
  }
  return receipts
}

function problemOf(key: Key, life: string, chain: Chain): LogProblem[] {
  const broken = breakOf(chain)
  if (broken === null) return []
  const { next, missing } = broken
  const [host = ''] = life.split('/')
  const whose = sharesOf(key, host)
  const names = whose.map((index) => key.participants[index - 1] ?? '').join(', ')
  if (missing > 0) {
    const issue = `before line ${next.at}, ${missing} lines of the host of ${names} are missing`
    return [new LogProblem('log.broken', next.at, issue)]
  }
  const issue = `line ${next.at} of the host of ${names} does not follow on the one before it: it wrote two in one place`
  return [new LogProblem('log.broken', next.at, issue, whose)]
}

/** By the life of the host that wrote them. */
function ofEachLife(told: readonly Told[]): Map<string, Link[]> {
  const links = new Map<string, Link[]>()
  for (const one of told) {
    const life = lifeOf(one.row.entry, one.host)
    links.set(life, [...(links.get(life) ?? []), linkOf(one)])
  }
  return links
}

/** The chains with what was told, and where the lines stand that had not been told before. */
function follow(before: LogPlace['chains'], told: readonly Told[]) {
  const chains = new Map(before)
  const fresh = new Set<number>()
  for (const [life, links] of ofEachLife(told)) {
    const extended = extend(chains.get(life), links)
    if (extended === null) continue
    chains.set(life, extended.chain)
    for (const { at } of [...extended.fresh, ...extended.chain.doubled]) fresh.add(at)
  }
  return { chains, fresh }
}

/**
 * Opens a page of a log and holds it against what was read before: each line is of a host of the key, and follows on the one that this host wrote before
 * it in the same life. A line that comes again is told once. Nobody sees what comes after the last line, or before the first: a gateway that keeps back the end is not found
 * out until the next line.
 */
async function readPage(key: Key, rows: readonly LogRow[], before: LogPlace): Promise<LogPage> {
  const likely = new Map<string, SignKey>()
  const told: Told[] = []
  const problems: LogProblem[] = []
  for (const row of rows) {
    const one = await tell(key, row, likely)
    if (one instanceof LogProblem) {
      problems.push(one)
      continue
    }
    told.push(one)
    likely.set(row.entry.body.life.id, one.host)
  }
  const { chains, fresh } = follow(before.chains, told)
  const lines: ReadLine[] = []
  for (const one of told.filter(({ row }) => fresh.has(row.at))) {
    const receipts = await soundReceipts(key, one.row)
    if (receipts instanceof LogProblem) problems.push(receipts)
    lines.push(lineOf(key, one, receipts instanceof LogProblem ? [] : receipts))
  }
  problems.push(...[...chains].flatMap(([life, chain]) => problemOf(key, life, chain)))
  return { lines, problems, next: { at: Math.max(before.at, ...rows.map(({ at }) => at)), chains } }
}

function lineOf(key: Key, { row, host, line }: Told, receipts: readonly SigningReceipt[]): ReadLine {
  const names = sharesOf(key, host).map((index) => key.participants[index - 1] ?? '')
  return { at: row.at, host: names, time: row.entry.body.at, line, receipts }
}

type Reading = Readonly<{ after: LogPlace; wait: number; signal: AbortSignal | undefined }>

/** The lines after a place. `wait` in ms. Throws `reply.mismatch` for rows that do not go up. */
export async function readLog(key: Key, reader: Reader, { after, wait, signal }: Reading): Promise<LogPage> {
  const query = { after: String(after.at), ...waitFor(wait) }
  const { rows } = await reader('readLog', { params: { keyId: key.keyId }, query, signal })
  if (rows.some(({ at }, place) => at <= (rows[place - 1]?.at ?? after.at))) return refuse('reply.mismatch')
  return readPage(key, rows, after)
}
