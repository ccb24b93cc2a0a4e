import type { Command } from 'commander'
import { visible } from '@quorate/shared/contents/shown'
import { showContent } from '@quorate/shared/contents/table'
import { readPermissions, permissionsOf } from '@quorate/shared/nostr/permissions'
import { describePermissions } from '../../../bunker/terms.ts'
import type { WaitingRequest } from '../../../bunker/waiting.ts'
import { showWaiting } from '../../../bunker/waiting.ts'
import { QuorateError } from '../../../errors.ts'
import { sleep } from '../../../http/retry.ts'
import { findAt, keysHere } from '../../keys-here.ts'
import { openSession, type Session, type World } from '../../session.ts'
import { field, good, heading } from '../../terminal.ts'
import { UsageError } from '../../usage.ts'
import { actor, forgottenLines, keeping, npubOf, withBunker, type Opened } from './opened.ts'

type Deciding = Readonly<{ key?: string; always?: boolean; yes?: boolean }>

/** What a program wants, as a person reads it. */
export function waitingLines(waiting: WaitingRequest): string[] {
  const { client, event, expiresAt, wish, approvedBy, method } = waiting
  const [words] = describePermissions(permissionsOf(readPermissions(wish)))
  return [
    heading(`a program asks to ${method === 'connect' ? 'connect' : (words ?? visible(wish))}`),
    field('request', event),
    field('program', npubOf(client)),
    field('expires', new Date(expiresAt).toISOString()),
    ...showWaiting(waiting).map(({ label, text }) => field(label, text)),
    ...(approvedBy.length > 0 ? [field('approved by', approvedBy.join(', '))] : []),
  ]
}

/** The same for scripts. */
const waitingValue = ({ key, item, ...rest }: WaitingRequest) => ({
  keyId: key.keyId,
  ...rest,
  item,
  shown: item === null ? [] : showContent(item.content),
})

/** `quorate bunker waiting`: what programs wait for. */
export function addWaiting(bunker: Command, world: World): void {
  bunker
    .command('waiting')
    .argument('<key>', 'the key id, or its beginning')
    .description('show what programs wait for your yes')
    .option('--wait', 'wait until there is something')
    .addHelpText('after', '\nExample:\n  quorate bunker waiting 3f2a --wait --as alice')
    .action(async (id: string, { wait }: { wait?: boolean }, command: Command) => {
      const session = openSession(command, world)
      await withBunker(session, await actor(session, id), async (opened) => {
        const heard = await opened.bunker.heard({ signal: session.signal })
        const forgotten = forgottenLines(opened.key, heard)
        if (wait === true) for (const line of forgotten) session.terminal.progress(line)
        const waiting =
          wait === true
            ? await untilSomething(session, opened)
            : await opened.bunker.waiting({ signal: session.signal })
        session.terminal.result({ waiting: waiting.map(waitingValue), heard }, [
          ...forgotten,
          ...waiting.flatMap(waitingLines),
          ...(waiting.length > 0 ? [field('then', 'quorate bunker approve REQUEST, or reject')] : ['nothing waits']),
        ])
      })
    })
}

async function untilSomething({ terminal, signal }: Session, { bunker }: Opened): Promise<WaitingRequest[]> {
  terminal.progress('waiting for a program to ask …')
  for (;;) {
    const waiting = await bunker.waiting({ wait: 25_000, signal })
    if (waiting.length > 0) return waiting
    // What waits for others, the gateway answers with at once.
    await sleep(1_000, signal)
  }
}

const elsewhere: readonly string[] = ['request.not_found', 'bunker.not_found', 'key.not_found', 'participant.unknown']

/** The request of this event, whichever key of this home it is for. */
async function withRequest(
  session: Session,
  event: string,
  id: string | undefined,
  act: (opened: Opened, waiting: WaitingRequest) => Promise<void>,
): Promise<void> {
  if (!/^[0-9a-f]{64}$/.test(event)) throw new UsageError(`“${event}” is not a request: 64 hex digits are expected`)
  const keys = id === undefined ? await keysHere(session) : [await session.home.key(id)]
  const { opened, waiting } = await findAt(session, keys, (key, signal) =>
    actor(session, key.keyId)
      .then((acting) =>
        withBunker(session, acting, async (bunker) => ({
          opened: bunker,
          waiting: await bunker.bunker.waitingRequest(event, { signal }),
        })),
      )
      .catch(unlessElsewhere),
  )
  await keeping(session, opened, () => act(opened, waiting))
}

function unlessElsewhere(error: unknown): null {
  if (error instanceof QuorateError && elsewhere.includes(error.code)) return null
  throw error
}

/** `quorate bunker approve`: look at what a program asks for, and say yes. */
export function addApproveWaiting(bunker: Command, world: World): void {
  bunker
    .command('approve')
    .argument('<request>', 'as the page of the request, or `quorate bunker waiting`, shows it')
    .description('show what a program asks for, and approve it')
    .option('--key <key>', 'only at this key')
    .option('--always', 'the like of it too, from this program, from now on')
    .option('-y, --yes', 'approve without asking: for scripts that have looked')
    .addHelpText('after', '\nExample:\n  quorate bunker approve 8d3c… --as alice')
    .action(async (event: string, options: Deciding, command: Command) => {
      const session = openSession(command, world)
      const { terminal, signal } = session
      await withRequest(session, event, options.key, async ({ bunker: opened, me, key }, waiting) => {
        for (const line of waitingLines(waiting)) terminal.progress(line)
        const always = options.always === true || (await confirm(session, options))
        await opened.approve(waiting, { signal, ...(always ? { always: true as const } : {}) })
        terminal.result({ event: 'approved', request: event, always, keyId: key.keyId, userId: me.userId }, [
          good(`approved as ${me.userId}${always ? ', and the like of it from now on' : ''}`),
        ])
      })
    })
}

/** Gives whether the like of it is approved too. */
async function confirm({ terminal }: Session, { yes, always }: Deciding): Promise<boolean> {
  if (yes === true || always === true) return always === true
  const answer = await terminal.ask('Approve this? [y]es, [a]lways, [N]o ')
  if (answer === null) throw new UsageError('nobody is here to answer: look at the request, then say --yes')
  if (!/^(y|yes|a|always)$/i.test(answer.trim())) throw new UsageError('not approved; to tell the program, reject it')
  return /^a/i.test(answer.trim())
}

/** `quorate bunker reject`: say no. */
export function addRejectWaiting(bunker: Command, world: World): void {
  bunker
    .command('reject')
    .argument('<request>', 'as the page of the request, or `quorate bunker waiting`, shows it')
    .description('reject what a program asks for')
    .option('--key <key>', 'only at this key')
    .addHelpText('after', '\nExample:\n  quorate bunker reject 8d3c… --as alice')
    .action(async (event: string, options: Deciding, command: Command) => {
      const session = openSession(command, world)
      const { terminal, signal } = session
      await withRequest(session, event, options.key, async ({ bunker: opened, me, key }, waiting) => {
        for (const line of waitingLines(waiting)) terminal.progress(line)
        await opened.reject(waiting, { signal })
        terminal.result({ event: 'rejected', request: event, keyId: key.keyId, userId: me.userId }, [
          good(`rejected as ${me.userId}`),
        ])
      })
    })
}
