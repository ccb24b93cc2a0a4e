import { Option, type Command } from 'commander'
import { ContentType } from '@quorate/shared/contents/table'
import { defaultScheme, schemeNames, type SchemeName } from '@quorate/shared/schemes/table'
import type { Invitation } from '@quorate/shared/wire/keygen'
import { refuse } from '../../errors.ts'
import type { Key } from '../../key.ts'
import { decodeInvitation, encodeInvitation } from '../../keygen/invitation.ts'
import type { Keygen } from '../../keygen/keygen.ts'
import type { SubgroupWish } from '../../keygen/subgroups.ts'
import { skeletonDigest as frameOf } from '../../keygen/skeleton.ts'
import type { Participant } from '../../participant.ts'
import { trustDigest } from '../../trust-digest.ts'
import { readGrant, usualContent, type GrantOptions } from '../grant.ts'
import type { Joining as Begun } from '../home.ts'
import { qrLines } from '../qr.ts'
import { addModeOptions, describeMode, readMode, type ModeOptions } from '../mode.ts'
import { addOwnKey, contributing, withOwnKey, type OwnKeyOptions } from '../own-key.ts'
import { milliseconds, openSession, type Session, type World } from '../session.ts'
import { field, good, heading } from '../terminal.ts'
import { UsageError } from '../usage.ts'

type Joining = GrantOptions & Readonly<{ sharesPerEnclave?: number; wait: boolean }>
export type Options = Joining & ModeOptions & Readonly<{ threshold: string; scheme: SchemeName; ttl: string }>
type Drawing = Options & OwnKeyOptions & Readonly<{ unsorted?: boolean; subgroup?: SubgroupWish }>
type Invited = Joining & OwnKeyOptions & Readonly<{ dealtBy?: string }>

const shares = (text: string): number => {
  const most = Number(text)
  if (!Number.isInteger(most) || most < 1)
    throw new UsageError(`--shares-per-enclave ${text}: a whole number is expected`)
  return most
}

/** May be given again, for another sub-group. */
function readSubgroup(text: string, before: SubgroupWish = {}): SubgroupWish {
  const [name = '', ...rest] = text.split('=')
  const members = rest.join('=').split(',').filter(Boolean)
  if (name === '' || members.length === 0) throw new UsageError(`--subgroup ${text}: NAME=PERSON,PERSON is expected`)
  if (Object.hasOwn(before, name)) throw new UsageError(`--subgroup ${name}: there are two of this name`)
  return { ...before, [name]: members }
}

const joiningOptions = (): Option[] => [
  new Option(
    '--shares-per-enclave <n>',
    'at most so many shares in one enclave; with the threshold, one may hold a quorum (default: one less)',
  ).argParser(shares),
  new Option('--standing <askers>', 'sign without asking me for these people (comma-separated), within the limit'),
  new Option('--until <when>', 'end of the standing grant, as a time or a duration').default('24h'),
  new Option('--limit <count/time>', 'signatures per time under the standing grant').default('100/1h'),
]

/** `quorate keygen`: reserve a key, print what to hand to the others, wait for them. */
export function addKeygen(program: Command, world: World): void {
  const command = program.command('keygen').description('make a key that is never in one place')
  addFrame(command)
  addOwnKey(command)
    .addOption(
      new Option(
        '--subgroup <name=people>',
        `some of the participants, comma-separated, with a key of their own (${contributing})`,
      ).argParser(readSubgroup),
    )
    .option('--unsorted', `aggregate the keys in the order of the participants, and not sorted (${contributing})`)
    .addHelpText(
      'after',
      '\nEach invitation is a secret for one person: hand it over on a way the gateway does not see.\n' +
        '\nExample:\n  quorate keygen --threshold 2 alice bob carol --as alice',
    )
    .action(async (participants: string[], options: Drawing, action: Command) => {
      const keyOrder = options.unsorted === true ? 'indices' : undefined
      await withOwnKey(options, world, async (ownKey) => {
        const { subgroup: subgroups } = options
        const begin = (me: Participant, wish: Wish) => me.reserveKey({ ...wish, ownKey, keyOrder, subgroups })
        return makeKey(openSession(action, world), participants, options, begin)
      })
    })
}

/** Who holds a key, and how: what is said of one that is drawn and of one that is dealt. */
export function addFrame(command: Command, content: ContentType[] = ['bytes']): void {
  command
    .argument('<participants...>', 'who holds a share; the k-th has index k')
    .requiredOption('-t, --threshold <t>', 'how many must sign together')
    .addOption(new Option('--scheme <scheme>', 'kind of key').choices(schemeNames).default(defaultScheme))
    .addOption(
      new Option('--content <type...>', 'what the key may sign, for ever: `raw` is named alone')
        .choices(ContentType.options)
        .default(content),
    )
    .option('--ttl <time>', 'how long the others have to join', '1h')
    .option('--no-wait', 'print the invitations and leave; `quorate status KEY` goes on waiting')
  addModeOptions(command)
  for (const option of joiningOptions()) command.addOption(option)
}

type Wish = Parameters<Participant['reserveKey']>[0]

/** Has `begin` reserve the key that is wished, hands out the invitations, and waits. Null when nobody is waited for. */
export async function makeKey(
  session: Session,
  participants: string[],
  options: Options,
  begin: (me: Participant, wish: Wish) => Promise<Keygen>,
): Promise<Key | null> {
  const { scheme, content, standing, ttl, wait, sharesPerEnclave } = options
  const threshold = Number(options.threshold)
  if (!Number.isInteger(threshold)) throw new UsageError(`--threshold ${options.threshold}: a whole number is expected`)
  const me = await session.newcomer()
  const takesPart = participants.includes(me.userId)
  if (!takesPart && standing !== undefined)
    throw new UsageError('--standing is for a share of your own: you are not among the participants')
  session.terminal.progress('reserving enclaves, and having each prove itself …')
  const grant = readGrant(options, Date.now())
  const mode = readMode(options)
  const frame = { scheme, threshold, participants, content, mode, expiresIn: milliseconds(ttl) }
  const keygen = await begin(me, { ...frame, grant, sharesPerEnclave, signal: session.signal })
  const dealtBy = keygen.dealtBy ?? undefined
  const invitation = takesPart ? keygen.invitation(me.userId) : null
  if (invitation !== null)
    await session.home.saveJoining({
      invitation,
      grant,
      sharesPerEnclave,
      dealtBy,
      ownPublicKey: keygen.ownPublicKey ?? undefined,
    })
  showInvitations(session, keygen, me.userId)
  return wait ? finishKeygen(session, keygen) : null
}

/** `quorate participate`: take part in a key that somebody else reserved. */
export function addParticipate(program: Command, world: World): void {
  const command = program
    .command('participate')
    .argument('<invitation>', 'the link that begins with quorate:join#')
    .description('take part in a key: verify, register, wait for the others')
    .addOption(
      new Option('--content <type...>', 'what the standing grant covers; for a key that signs `raw`, that')
        .choices(ContentType.options)
        .default(usualContent),
    )
    .option('--dealt-by <name>', 'take part in a key that this person has known whole, as the invitation says')
    .option('--no-wait', 'register and leave; `quorate status KEY` goes on waiting')
  for (const option of joiningOptions()) command.addOption(option)
  addOwnKey(command)
    .addHelpText('after', "\nExample:\n  quorate participate 'quorate:join#…' --as bob")
    .action(async (link: string, options: Invited, action: Command) => {
      const session = openSession(action, world)
      const invitation = decodeInvitation(link)
      await compareTrust(session, invitation)
      const me = await session.newcomer(invitation.gateway)
      session.terminal.progress('checking the frame of the key, and having the enclave prove itself …')
      const before = await earlier(session, me, invitation)
      const grant = before === null ? readGrant(options, Date.now()) : before.grant
      const sharesPerEnclave = options.sharesPerEnclave ?? before?.sharesPerEnclave
      const dealtBy = options.dealtBy ?? before?.dealtBy
      requireNamed(invitation, dealtBy)
      const joining = { grant, sharesPerEnclave, dealtBy }
      const ownPublicKey = before?.ownPublicKey
      await session.home.saveJoining({ invitation, ...joining, ownPublicKey })
      const keygen = await withOwnKey(options, world, (ownKey) =>
        me.participate(invitation, { ...joining, ownKey, ownPublicKey, signal: session.signal }),
      )
      await session.home.saveJoining({ invitation, ...joining, ownPublicKey: keygen.ownPublicKey ?? undefined })
      showRegistered(session, keygen, me.userId)
      if (options.wait) await finishKeygen(session, keygen)
    })
}

/** What this person trusts counts. That the inviting person trusts something else is worth a look. */
async function compareTrust({ terminal, trust }: Session, { trust: theirs }: Invitation): Promise<void> {
  const own = trustDigest(
    await trust().catch((error: unknown) => {
      throw withDigest(error, theirs)
    }),
  )
  if (theirs === undefined || theirs === own) return
  terminal.warn(
    { event: 'other_trust', own, theirs },
    `who invites you takes others for enclaves than you do: trust file ${theirs}, and yours is ${own}`,
  )
}

/** Says which trust file the invitation names. */
function withDigest(error: unknown, theirs: string | undefined): Error {
  if (!(error instanceof UsageError) || theirs === undefined) return error as Error
  return new UsageError(`${error.message}\nThe digest of the inviting person's trust file: ${theirs}`)
}

function showRegistered({ terminal }: Session, { keyId, skeleton, mode }: Keygen, userId: string): void {
  const { threshold, participants, subgroups = [] } = skeleton
  const nameOf = (index: number) => participants[index - 1]?.userId ?? ''
  terminal.result({ event: 'registered', keyId, userId }, [
    good(`registered as ${userId} for key ${keyId}, ${threshold} of ${participants.length}`),
    ...subgroups.map(({ id, members }) => field('sub-group', `${id}: ${members.map(nameOf).join(', ')}`)),
    ...describeMode(mode),
  ])
}

/** A key that somebody has known whole is not taken for one that nobody has. */
function requireNamed({ dealtBy }: Invitation, named: string | undefined): void {
  if (dealtBy === undefined || named !== undefined) return
  throw new UsageError(
    `${dealtBy} dealt this key, and so has known all of it: whoever got a copy signs alone. If you take part nevertheless, say\n` +
      `--dealt-by ${dealtBy}`,
  )
}

/**
 * How this person began to take part in the key, if so. An invitation to another key of an id that is kept here is refused, and what is
 * kept stays: throws `keygen.skeleton_mismatch`.
 */
async function earlier(
  { home }: Session,
  me: Participant,
  { keyId, skeletonDigest }: Invitation,
): Promise<Begun | null> {
  const kept = await home.keyIfKept(keyId)
  if (kept !== null) me.know(kept)
  const before = await home.joining(keyId, me.userId)
  const frame = kept === null ? before?.invitation.skeletonDigest : frameOf(kept.certificate.body.roster.skeleton)
  return frame === undefined || frame === skeletonDigest ? before : refuse('keygen.skeleton_mismatch')
}

/** Each with a line that says it all to whoever is invited. At a terminal with a QR code too, for a telephone. */
function showInvitations({ terminal }: Session, keygen: Keygen, me: string): void {
  const others = keygen.skeleton.participants.filter(({ userId }) => userId !== me)
  const invitations = others.map(({ userId }) => ({ userId, link: encodeInvitation(keygen.invitation(userId)) }))
  terminal.result({ event: 'invited', keyId: keygen.keyId, invitations }, [
    field('key', keygen.keyId),
    ...invitations.flatMap(({ userId, link }) => [
      heading(`Send ${userId}, and nobody else, this line:`),
      `  quorate participate '${link}' --as ${userId}`,
      ...(terminal.interactive ? qrLines(link) : []),
    ]),
  ])
}

/** Shows progress until the key is there, verifies and keeps it. */
export async function finishKeygen({ terminal, home, signal, goesOn }: Session, keygen: Keygen): Promise<Key> {
  const stop = new AbortController()
  goesOn(`key ${keygen.keyId} goes on being made: \`quorate status ${keygen.keyId} --wait\` waits for it`)
  const both = AbortSignal.any([signal, stop.signal])
  const telling = tell(keygen, (text) => terminal.progress(text), both)
  try {
    const key = await keygen.completed({ signal })
    const file = await home.saveKey(key)
    terminal.result({ event: 'completed', keyId: key.keyId, groupKey: key.groupKey, digest: key.digest, file }, [
      good(`key ${key.keyId}, ${key.threshold} of ${key.participants.length}: its certificate verifies`),
      field('public key', key.groupKey),
      field('kept in', file),
    ])
    return key
  } finally {
    stop.abort()
    await telling
  }
}

/** Progress is a courtesy: whatever goes wrong with it, `completed` says. */
async function tell(keygen: Keygen, say: (text: string) => void, signal: AbortSignal): Promise<void> {
  let last = ''
  try {
    for await (const { state, slots } of keygen.watch({ signal })) {
      const missing = slots.filter(({ registered }) => !registered).map(({ userId }) => userId)
      const text = missing.length > 0 ? `waiting for ${missing.join(', ')} …` : `${state.replaceAll('_', ' ')} …`
      if (text !== last) say(text)
      last = text
    }
  } catch {
    return
  }
}
