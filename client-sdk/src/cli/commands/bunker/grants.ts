import { visible } from '@quorate/shared/contents/shown'
import type { Command } from 'commander'
import type { GivenGrant } from '../../../bunker/grants.ts'
import { describeConditions, describePermissions } from '../../../bunker/terms.ts'
import { openSession, type World } from '../../session.ts'
import { bad, field, good, heading } from '../../terminal.ts'
import { UsageError } from '../../usage.ts'
import {
  actor,
  bunkerLines,
  bunkerValue,
  forgottenLines,
  heardLines,
  npubOf,
  withBunker,
  type Opened,
} from './opened.ts'

function holderText({ grant: { holder }, bound }: GivenGrant): string {
  switch (holder.kind) {
    case 'client':
      return npubOf(holder.client) + (bound?.ended === true ? ', which has logged out' : '')
    case 'offer':
      if (bound !== null) return npubOf(bound.client) + (bound.ended ? ', which has logged out' : '')
      return holder.until > Date.now() ? `open until ${new Date(holder.until).toISOString()}` : 'nobody, and closed'
    case 'askers':
      return `${holder.askers.join(', ')}, by signing requests`
  }
}

function grantLines({ threshold, keyId }: Opened['key'], given: GivenGrant): string[] {
  const { grant, owner, givenBy, handedTo } = given
  const missing = threshold - givenBy.length
  return [
    heading(`${visible(grant.name) || 'grant'} ${grant.id}, by ${owner}`),
    field('for', holderText(given)),
    field('may', describePermissions(grant.permissions).join('; ')),
    field('if', describeConditions(grant).join('; ')),
    ...handedTo.map(({ client, ended }) =>
      field('handed on', npubOf(client) + (ended ? ', which has logged out' : '')),
    ),
    ...(missing > 0
      ? [
          bad(
            `${missing} more must say the same before it is of use: quorate bunker second ${keyId.slice(0, 8)} ${grant.id}`,
          ),
        ]
      : []),
  ]
}

/** `quorate bunker grants`: what every owner lets which program do. */
export function addGrants(bunker: Command, world: World): void {
  bunker
    .command('grants')
    .argument('<key>', 'the key id, or its beginning')
    .description('show the bunker of a key, and what its owners let programs do')
    .addHelpText('after', '\nExample:\n  quorate bunker grants 3f2a')
    .action(async (id: string, _: unknown, command: Command) => {
      const session = openSession(command, world)
      await withBunker(session, await actor(session, id), async (opened) => {
        const { signal } = session
        const [grants, heard] = [await opened.bunker.grants({ signal }), await opened.bunker.heard({ signal })]
        session.terminal.result({ ...bunkerValue(opened), grants, heard }, [
          ...bunkerLines(opened),
          ...forgottenLines(opened.key, heard),
          ...(grants.length > 0 ? grants.flatMap((one) => grantLines(opened.key, one)) : ['no grants']),
        ])
      })
    })
}

/** `quorate bunker second`: let a program do what another owner lets it do. */
export function addSecond(bunker: Command, world: World): void {
  bunker
    .command('second')
    .argument('<key>', 'the key id, or its beginning')
    .argument('<grant>', 'the name of the grant: 16 hex digits')
    .description("say the same as another owner's grant, so that your share signs for it too")
    .option('--of <name>', 'whose, where several have given it in other terms')
    .option('-y, --yes', 'without asking')
    .addHelpText('after', '\nExample:\n  quorate bunker second 3f2a 9b01c2d3e4f50617 --as bob')
    .action(async (id: string, grant: string, { of, yes }: { of?: string; yes?: boolean }, command: Command) => {
      const session = openSession(command, world)
      const { terminal, signal } = session
      await withBunker(session, await actor(session, id), async (opened) => {
        const named = of === undefined ? {} : { of }
        const isIt = (one: GivenGrant) => one.id === grant && !one.own && (of === undefined || one.owner === of)
        const found = (await opened.bunker.grants({ signal })).find(isIt)
        for (const line of found === undefined ? [] : grantLines(opened.key, found)) terminal.progress(line)
        if (found !== undefined && yes !== true) {
          const answer = await terminal.ask('Let it do this? [y/N] ')
          if (answer === null) throw new UsageError('nobody is here to answer: look at the grant, then say --yes')
          if (!/^y(es)?$/i.test(answer.trim())) throw new UsageError('not granted')
        }
        const { heard, greeted } = await opened.bunker.second(grant, { ...named, signal })
        terminal.result({ event: 'seconded', grant, heard, greeted, keyId: opened.key.keyId }, [
          good(`granted as ${opened.me.userId}`),
          ...(greeted.length > 0 ? [good('the program was answered')] : []),
          ...heardLines(heard),
        ])
      })
    })
}

/** `quorate bunker revoke`: take one grant back, or all. */
export function addRevoke(bunker: Command, world: World): void {
  bunker
    .command('revoke')
    .argument('<key>', 'the key id, or its beginning')
    .argument('[grant]', 'the name of the grant: 16 hex digits')
    .description('take a grant back, or all that you have given')
    .option('--all', 'all, and wait until enough hosts have heard it')
    .addHelpText(
      'after',
      '\nExamples:\n  quorate bunker revoke 3f2a 9b01c2d3e4f50617\n  quorate bunker revoke 3f2a --all',
    )
    .action(async (id: string, grant: string | undefined, { all }: { all?: boolean }, command: Command) => {
      const session = openSession(command, world)
      if ((grant === undefined) === (all !== true)) throw new UsageError('which grant? Give its name, or --all')
      await withBunker(session, await actor(session, id), async ({ bunker: opened, key, me }) => {
        const { signal } = session
        const heard =
          grant === undefined ? await opened.revokeAll({ signal }) : (await opened.revoke(grant, { signal })).heard
        const late = heard.missing.includes(me.userId)
        session.terminal.result({ event: 'revoked', grant: grant ?? null, heard, keyId: key.keyId }, [
          good(grant === undefined ? 'you let no program do anything any more' : 'taken back'),
          ...heardLines(heard),
          ...(late
            ? [bad('your own host has not heard it: as long as it runs on without, it may go by the old grants')]
            : []),
        ])
      })
    })
}

/** `quorate bunker renew`: say it all again, after every host has restarted. */
export function addRenew(bunker: Command, world: World): void {
  bunker
    .command('renew')
    .argument('<key>', 'the key id, or its beginning')
    .description('say all your grants again, after every enclave of the key has restarted')
    .addHelpText('after', '\nAs many owners as n − t + 1 do so.\n\nExample:\n  quorate bunker renew 3f2a --as alice')
    .action(async (id: string, _: unknown, command: Command) => {
      const session = openSession(command, world)
      await withBunker(session, await actor(session, id), async (opened) => {
        const { heard } = await opened.bunker.renew({ signal: session.signal })
        session.terminal.result({ event: 'renewed', heard, keyId: opened.key.keyId }, [
          good(`said again as ${opened.me.userId}`),
          ...heardLines(heard),
        ])
      })
    })
}
