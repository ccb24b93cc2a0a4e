import { Option, type Command } from 'commander'
import { CipherMethod } from '@quorate/shared/nostr/permissions'
import { presets } from '@quorate/shared/nostr/presets'
import type { NostrKey } from '@quorate/shared/nostr/keys'
import { Terms } from '../../../bunker/terms.ts'
import { issuesOf } from '../../../errors.ts'
import { readNpub } from '../../../npub.ts'
import { milliseconds, timeAfter } from '../../session.ts'
import { UsageError } from '../../usage.ts'

export type TermOptions = Readonly<{
  preset?: keyof typeof presets
  kind?: string[]
  method?: CipherMethod[]
  peer?: string[]
  longest?: string
  dated?: string
  perMinute?: string
  perHour?: string
  perDay?: string
  inAll?: string
  until?: string
  otherwise?: 'ask' | 'refuse'
  handsOn?: boolean
  name?: string
}>

/** What a program may have done, as options. */
export const addTerms = (command: Command): Command =>
  command
    .addOption(new Option('--preset <name>', 'what it may do').choices(Object.keys(presets)))
    .option('--kind <kinds...>', 'events of these kinds too; credentials, such as 27235, are named here alone')
    .addOption(new Option('--method <methods...>', 'these too').choices(CipherMethod.options))
    .option('--peer <npubs...>', 'messages with these people alone')
    .option('--longest <characters>', 'of an event or a message')
    .option('--dated <time>', 'how far the date of an event may be from now')
    .option('--per-minute <n>', 'so many a minute')
    .option('--per-hour <n>', 'so many an hour')
    .option('--per-day <n>', 'so many a day')
    .option('--in-all <n>', 'so many, ever')
    .option('--until <when>', 'end of the grant, as a time or a duration such as 30d (default: a year)')
    .addOption(new Option('--otherwise <what>', 'what becomes of the rest (default: ask)').choices(['ask', 'refuse']))
    .option('--hands-on', 'it may let another program have a part of this')
    .option('--name <name>', 'what you call the program')

export const presetHelp = `\nPresets:\n${Object.entries(presets)
  .map(([name, { words }]) => `  ${name.padEnd(12)} ${words}`)
  .join('\n')}\n`

const wholeNumber = (name: string, text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--${name} ${text}: a whole number is expected`)
  return Number(text)
}

const peerOf = (text: string): NostrKey => {
  const key = readNpub(text)
  if (key === null) throw new UsageError(`--peer ${text}: an npub, or 64 hex digits`)
  return key
}

function timesOf({ dated, until }: TermOptions): Partial<Terms> {
  const span = dated === undefined ? undefined : Math.ceil(milliseconds(dated) / 1_000) * 1_000
  const now = Date.now()
  const end = until === undefined ? undefined : timeAfter(until, now)
  if (end !== undefined && !(end > now)) throw new UsageError(`--until ${until ?? ''}: a time to come, or a duration`)
  return {
    ...(span === undefined ? {} : { dated: { before: span, after: span } }),
    ...(end === undefined ? {} : { expiresIn: end - now }),
  }
}

const withoutGaps = <T extends object>(given: T): Partial<T> =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<T>

/** The terms that options name. Throws `UsageError`. */
export function termsFrom(options: TermOptions): Terms {
  const { preset, kind, method, peer, longest, otherwise, name } = options
  const terms = withoutGaps({
    ...timesOf(options),
    preset,
    methods: method,
    kinds: kind?.flatMap((text) => text.split(',')).map((text) => wholeNumber('kind', text)),
    peers: peer?.map(peerOf),
    longest: wholeNumber('longest', longest),
    perMinute: wholeNumber('per-minute', options.perMinute),
    perHour: wholeNumber('per-hour', options.perHour),
    perDay: wholeNumber('per-day', options.perDay),
    inAll: wholeNumber('in-all', options.inAll),
    otherwise,
    handsOn: options.handsOn,
    name,
  })
  const read = Terms.safeParse(terms)
  if (!read.success) throw new UsageError(['these terms do not fit:', ...issuesOf(read.error)].join('\n  '))
  return terms as Terms
}
