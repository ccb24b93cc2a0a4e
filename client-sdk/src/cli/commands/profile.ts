import type { Command } from 'commander'
import { GatewayAddress } from '@quorate/shared/wire/gateway-address'
import {
  addProfile,
  defaultProfile,
  openProfile,
  profileInUse,
  profilesIn,
  useProfile,
  type Profile,
} from '../profiles.ts'
import { openSession, type World } from '../session.ts'
import { field, good } from '../terminal.ts'
import { UsageError } from '../usage.ts'

const linesOf = ({ home, settings: { gateway, as } }: Profile): string[] => [
  field('home', home),
  ...(gateway === undefined ? [] : [field('gateway', gateway)]),
  ...(as === undefined ? [] : [field('acts as', as)]),
]

const shown = ({ name, home, settings }: Profile, inUse: string) => ({
  profile: name,
  home,
  gateway: settings.gateway ?? null,
  as: settings.as ?? null,
  inUse: name === inUse,
})

/** `quorate profile`: several homes on one machine, each with its gateway. */
export function addProfiles(program: Command, world: World): void {
  const profile = program
    .command('profile')
    .description('several homes on this machine, each with its own seeds, keys, trust and gateway')
    .addHelpText(
      'after',
      '\nA profile is chosen by --profile, by QUORATE_PROFILE, or by `quorate profile use`. Options go before a profile that --profile\n' +
        'names, and that before the environment; the profile in use comes last.\n' +
        '\nExamples:\n  quorate profile add work --gateway https://sign.example.org --as alice\n' +
        '  quorate --profile work trust add fleet.trust.json\n  quorate profile use work',
    )
  addAdding(profile, world)
  addListing(profile, world)
  addUsing(profile, world)
}

/** The home of the machine, whatever profile is chosen: a chosen one may be gone. */
const open = (command: Command, world: World) => openSession(command, world, defaultProfile)

function addAdding(profile: Command, world: World): void {
  profile
    .command('add')
    .argument('<name>', 'how it is called')
    .description('make a profile, with the --gateway and the --as that are said; or say them anew')
    .addHelpText('after', '\nExample:\n  quorate profile add work --gateway https://sign.example.org --as alice')
    .action(async (name: string, _: unknown, command: Command) => {
      const { home, terminal } = open(command, world)
      const { gateway, as } = command.optsWithGlobals<{ gateway?: string; as?: string }>()
      const read = GatewayAddress.safeParse(gateway)
      if (gateway !== undefined && !read.success)
        throw new UsageError(`--gateway ${gateway} is no address of a gateway`)
      const added = await addProfile(home.path, name, { gateway: read.data, as })
      terminal.result({ event: 'added', ...shown(added, profileInUse(home.path)) }, [
        good(
          `--profile ${name} is a home of its own from now on; \`quorate profile use ${name}\` makes it the usual one`,
        ),
        ...linesOf(added),
      ])
    })
}

function addListing(profile: Command, world: World): void {
  profile
    .command('list')
    .description('show all profiles, and which is in use')
    .addHelpText('after', '\nExample:\n  quorate profile list --json')
    .action((_: unknown, command: Command) => {
      const { home, terminal } = open(command, world)
      const inUse = profileInUse(home.path)
      for (const one of profilesIn(home.path).map((name) => openProfile(home.path, name)))
        terminal.result(shown(one, inUse), [`${one.name === inUse ? '*' : ' '} ${one.name}`, ...linesOf(one)])
    })
}

function addUsing(profile: Command, world: World): void {
  profile
    .command('use')
    .argument('<name>', `which one; ${defaultProfile} is the home itself`)
    .description('take this profile from now on, when none is said')
    .addHelpText('after', `\nExamples:\n  quorate profile use work\n  quorate profile use ${defaultProfile}`)
    .action(async (name: string, _: unknown, command: Command) => {
      const { home, terminal } = open(command, world)
      await useProfile(home.path, name)
      const used = openProfile(home.path, name)
      terminal.result({ event: 'used', ...shown(used, name) }, [good(`${name} is used from now on`), ...linesOf(used)])
    })
}
