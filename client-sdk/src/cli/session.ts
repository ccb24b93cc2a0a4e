import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { TrustPolicy } from '@quorate/shared/attestation/policy'
import { UserId } from '@quorate/shared/wire/ids'
import type { Command } from 'commander'
import type { Participant } from '../participant.ts'
import { Quorate } from '../quorate.ts'
import { createDeadline } from './deadline.ts'
import { openHome, type Home } from './home.ts'
import { passphrasesOf, type Passphrases } from './passphrase.ts'
import { openProfile, profileInUse, type Profile } from './profiles.ts'
import { openTerminal, type Streams, type Terminal } from './terminal.ts'
import { readTrustFile } from './trust-file.ts'
import { UsageError } from './usage.ts'

/** What a run of the command is given. `signal`: aborts when a person interrupts it. */
export type Outside = Streams & Readonly<{ env: Readonly<Record<string, string | undefined>>; signal: AbortSignal }>

/** The world of one run. `goesOn`: what goes on elsewhere should it end early, and how to go on here. */
export type World = Outside & Readonly<{ goesOn: (text: string) => void }>

type GlobalOptions = Readonly<{
  gateway?: string
  trust?: string
  home?: string
  profile?: string
  json?: boolean
  as?: string
  timeout?: string
}>

/** What every command needs, each thing made when it is asked for. */
export type Session = Readonly<{
  terminal: Terminal
  home: Home
  passphrases: Passphrases
  /** Aborts when a person interrupts the run, or with `wait.timeout` when its time is over. */
  signal: AbortSignal
  goesOn: World['goesOn']
  trust: () => Promise<TrustPolicy>
  /** `fallback`: a gateway named by a key or an invitation, if the caller names none. */
  quorate: (fallback?: string) => Promise<Quorate>
  gatewayNamed: () => boolean
  /** The name that --as says, or the profile. */
  said: string | undefined
  /** Who acts: --as, or the only participant of this home. */
  userId: () => Promise<string>
  participant: (fallback?: string) => Promise<Participant>
  /** Who acts, and may be new here: a seed is drawn only for who makes a key or takes part in one. */
  newcomer: (fallback?: string) => Promise<Participant>
}>

function chosenProfile(options: GlobalOptions, env: World['env'], profile: string | undefined): Profile {
  const root = options.home ?? env['QUORATE_HOME'] ?? join(homedir(), '.quorate')
  return openProfile(root, profile ?? options.profile ?? env['QUORATE_PROFILE'] ?? profileInUse(root))
}

/** What the line says goes before the environment, a profile that it names too; the profile in use comes last. */
function settingsOf(options: GlobalOptions, env: World['env'], { settings, name }: Profile, home: Home) {
  const isNamed = options.profile === name
  const gateway = isNamed ? (settings.gateway ?? env['QUORATE_GATEWAY']) : (env['QUORATE_GATEWAY'] ?? settings.gateway)
  return {
    gateway: options.gateway ?? gateway,
    as: options.as ?? settings.as,
    trust: async () => {
      const kept = isNamed && options.trust === undefined ? await home.trusted() : null
      return kept ?? readTrust(options.trust ?? env['QUORATE_TRUST'], home)
    },
  }
}

/** `profile`: whichever is said, this one. */
export function openSession(
  command: Command,
  { env, signal: interrupted, goesOn, ...streams }: World,
  profile?: string,
): Session {
  const options: GlobalOptions = command.optsWithGlobals()
  const deadline = createDeadline(options.timeout === undefined ? undefined : milliseconds(options.timeout))
  const signal = AbortSignal.any([interrupted, deadline.signal])
  const terminal = openTerminal(streams, options.json ?? false, { signal, deadline })
  const passphrases = passphrasesOf(terminal, env['QUORATE_PASSPHRASE_FILE'])
  const chosen = chosenProfile(options, env, profile)
  const home = openHome(chosen.home, passphrases)
  signal.addEventListener('abort', () => hangUp(streams.stdin, signal.reason as Error))
  const { gateway, as, trust } = settingsOf(options, env, chosen, home)

  const quorate = async (fallback?: string): Promise<Quorate> => {
    const address = gateway ?? fallback
    if (address === undefined)
      throw new UsageError('which gateway? Say --gateway http://127.0.0.1:3000, or set QUORATE_GATEWAY')
    return new Quorate({ gateway: address, trust: await trust() })
  }
  const userId = () => whoActs(as, home)
  const actWith = async (fallback: string | undefined, seedOf: (name: string) => Promise<Uint8Array>) => {
    const name = await userId()
    return (await quorate(fallback)).participant(name, { seed: await seedOf(name) })
  }
  return {
    terminal,
    home,
    passphrases,
    signal,
    goesOn,
    trust,
    quorate,
    gatewayNamed: () => gateway !== undefined,
    said: as,
    userId,
    participant: (fallback) => actWith(fallback, home.seed),
    newcomer: (fallback) => actWith(fallback, home.seedOrNew),
  }
}

/** Whoever reads there stops; nobody else hears of it. */
const hangUp = (stdin: Readable, reason: Error): void => {
  stdin.once('error', () => undefined).destroy(reason)
}

/** The name that is said, or that of the only participant of this home. */
async function whoActs(said: string | undefined, home: Home): Promise<string> {
  if (said !== undefined) {
    if (UserId.safeParse(said).success) return said
    throw new UsageError(`--as ${said}: letters, digits and . _ @ : + -, at most 64`)
  }
  const known = await home.participants()
  const [only] = known
  if (only === undefined) throw new UsageError('who are you? Say --as NAME')
  if (known.length > 1) throw new UsageError(`who are you? Say --as NAME; here are ${known.join(', ')}`)
  return only
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

/** The file that is named, or what `quorate trust add` has kept. */
async function readTrust(file: string | undefined, home: Home): Promise<TrustPolicy> {
  if (file !== undefined) return readTrustFile(file)
  const kept = await home.trusted()
  if (kept !== null) return kept
  throw new UsageError(
    'whom to trust? `quorate trust add FILE` remembers a trust file; or say --trust FILE, or set QUORATE_TRUST.\n' +
      'It is JSON with `roots` (PEM) and `measurements` (PCR → hex). `make fleet` writes one for the fleet on this machine, to .fleet/trust.json',
  )
}
