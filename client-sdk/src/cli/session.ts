import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { TrustPolicy } from '@quorate/shared/attestation/policy'
import { UserId } from '@quorate/shared/wire/ids'
import type { Command } from 'commander'
import { issuesOf } from '../errors.ts'
import type { Participant } from '../participant.ts'
import { Quorate } from '../quorate.ts'
import { openHome, type Home } from './home.ts'
import { openTerminal, type Streams, type Terminal } from './terminal.ts'
import { UsageError } from './usage.ts'

/** The world of one run of the command. */
export type World = Streams & Readonly<{ env: Readonly<Record<string, string | undefined>>; signal: AbortSignal }>

type GlobalOptions = Readonly<{
  gateway?: string
  trust?: string
  home?: string
  json?: boolean
  as?: string
  timeout?: string
}>

/** What every command needs, each thing made when it is asked for. */
export type Session = Readonly<{
  terminal: Terminal
  home: Home
  signal: AbortSignal
  /** How long to wait at most, for `completed`. */
  waiting: () => { timeout?: number; signal: AbortSignal }
  trust: () => Promise<TrustPolicy>
  /** `fallback`: a gateway named by a key or an invitation, if the caller names none. */
  quorate: (fallback?: string) => Promise<Quorate>
  gatewayNamed: () => boolean
  /** Who acts: --as, or the only participant of this home. */
  userId: () => Promise<string>
  participant: (fallback?: string) => Promise<Participant>
  /** Who acts, and may be new here: a seed is drawn only for who makes a key or takes part in one. */
  newcomer: (fallback?: string) => Promise<Participant>
}>

export function openSession(command: Command, { env, signal, ...streams }: World): Session {
  const options: GlobalOptions = command.optsWithGlobals()
  const home = openHome(options.home ?? env['QUORATE_HOME'] ?? join(homedir(), '.quorate'))
  const gateway = options.gateway ?? env['QUORATE_GATEWAY']
  const trust = () => readTrust(options.trust ?? env['QUORATE_TRUST'])

  const quorate = async (fallback?: string): Promise<Quorate> => {
    const address = gateway ?? fallback
    if (address === undefined)
      throw new UsageError('which gateway? Say --gateway http://127.0.0.1:3000, or set QUORATE_GATEWAY')
    return new Quorate({ gateway: address, trust: await trust() })
  }
  const userId = async (): Promise<string> => {
    if (options.as !== undefined) {
      if (UserId.safeParse(options.as).success) return options.as
      throw new UsageError(`--as ${options.as}: letters, digits and . _ @ : + -, at most 64`)
    }
    const known = await home.participants()
    const [only] = known
    if (only === undefined) throw new UsageError('who are you? Say --as NAME')
    if (known.length > 1) throw new UsageError(`who are you? Say --as NAME; here are ${known.join(', ')}`)
    return only
  }
  const actWith = async (fallback: string | undefined, seedOf: (name: string) => Promise<Uint8Array>) => {
    const name = await userId()
    return (await quorate(fallback)).participant(name, { seed: await seedOf(name) })
  }
  return {
    terminal: openTerminal(streams, options.json ?? false),
    home,
    signal,
    waiting: () => ({ signal, ...(options.timeout === undefined ? {} : { timeout: milliseconds(options.timeout) }) }),
    trust,
    quorate,
    gatewayNamed: () => gateway !== undefined,
    userId,
    participant: (fallback) => actWith(fallback, home.seed),
    newcomer: (fallback) => actWith(fallback, home.seedOrNew),
  }
}

/** `90`, `90s`, `15m`, `2h`, `30d`, `500ms` → ms. */
export function milliseconds(text: string): number {
  const match = /^(\d{1,9})(ms|s|m|h|d|)$/.exec(text)
  if (!match) throw new UsageError(`${text} is not a time: 500ms, 90s, 15m, 2h, 30d`)
  const unit = { ms: 1, s: 1_000, '': 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] ?? ''] ?? 1_000
  return Number(match[1]) * unit
}

/** When a duration from `now` (ms) is over, or the time that is named. `NaN` for neither. */
export const timeAfter = (text: string, now: number): number =>
  /^\d+(ms|s|m|h|d|)$/.test(text) ? now + milliseconds(text) : Date.parse(text)

async function readTrust(file: string | undefined): Promise<TrustPolicy> {
  if (file === undefined)
    throw new UsageError(
      'whom to trust? Say --trust FILE or set QUORATE_TRUST: JSON with `roots` (PEM) and `measurements` (PCR → hex).\n' +
        '`make fleet` writes one for the fleet on this machine, to .fleet/trust.json',
    )
  let json: unknown
  try {
    json = JSON.parse(await readFile(file, 'utf8'))
  } catch {
    throw new UsageError(`${file} cannot be read as JSON: give the trust file of the fleet with --trust`)
  }
  const trust = TrustPolicy.safeParse(json)
  if (trust.success) return trust.data
  const issues = issuesOf(trust.error).map((issue) => `  ${issue}`)
  throw new UsageError([`${file} is not a trust file:`, ...issues].join('\n'))
}
