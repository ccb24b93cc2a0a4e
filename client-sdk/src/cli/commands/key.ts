import type { Command } from 'commander'
import type { Key } from '../../key.ts'
import { publicNames } from '../../public-names.ts'
import { keysHere } from '../keys-here.ts'
import { describeMode } from '../mode.ts'
import { openSession, type Session, type World } from '../session.ts'
import { field, good, heading } from '../terminal.ts'
import { addExport, addKeyImport, addRename } from './key-file.ts'

/** `quorate key`: what is known of a key, from its verified certificate alone. */
export function addKey(program: Command, world: World): void {
  const command = program.command('key')
  addRename(command, world)
  addExport(command, world)
  addKeyImport(command, world)
  command
    .argument('[key]', 'the key id, or its beginning, or its name; without it, all keys of this machine')
    .description('show a key: public keys, participants, enclaves')
    .option('--certificate', 'print the certificate as JSON')
    .addHelpText('after', '\nExamples:\n  quorate key\n  quorate key 3f2a --json')
    .action(async (id: string | undefined, options: { certificate?: boolean }, command: Command) => {
      const session = openSession(command, world)
      const { terminal, home } = session
      if (id === undefined) {
        await listKeys(session)
        return
      }
      const key = await home.key(id)
      if (options.certificate === true) {
        terminal.result(key.certificate, [JSON.stringify(key.certificate, null, 2)])
        return
      }
      const names = await publicNames(key)
      const { hosts } = knownOf(key)
      const subgroups = await namedSubgroups(key)
      terminal.result({ ...knownOf(key), subgroups, ...names }, [
        heading(`key ${key.keyId}`),
        good('certificate verified'),
        ...frameLines(key),
        ...Object.entries(names).map(([name, value]) => field(name, value)),
        field('certificate', key.digest),
        ...hosts.map(({ userId, enclaveId }) => field(userId, enclaveId)),
      ])
    })
}

async function listKeys(session: Session): Promise<void> {
  const { home, terminal } = session
  const keys = await keysHere(session)
  const names = new Map(Object.entries(await home.names()).map(([name, keyId]) => [keyId, name]))
  const rows = keys.map(({ keyId, groupKey, scheme }) => ({ keyId, name: names.get(keyId) ?? null, groupKey, scheme }))
  const lines = rows.map(({ keyId, name, groupKey, scheme }) =>
    field(keyId.slice(0, 12), [scheme, groupKey, name ?? ''].join(' ').trim()),
  )
  terminal.result({ keys: rows }, lines.length > 0 ? lines : [`no keys in ${home.path}`])
}

/** What its certificate says of a key, and what its people have agreed to. */
function knownOf({
  gateway,
  keyId,
  scheme,
  threshold,
  participants,
  groupKey,
  digest,
  dealtBy,
  mode,
  certificate,
}: Key) {
  const { epoch, roster } = certificate.body
  const { policy } = roster.skeleton
  const hosts = roster.skeleton.participants.map(({ userId, host }) => ({ userId, enclaveId: host.identity.enclaveId }))
  return { gateway, keyId, scheme, threshold, participants, groupKey, digest, dealtBy, mode, epoch, policy, hosts }
}

/** The sub-groups of a key, with what others call them. */
const namedSubgroups = (key: Key) =>
  Promise.all(key.subgroups.map(async (one) => ({ ...one, ...(await publicNames(key, one.id)) })))

function frameLines({
  scheme,
  threshold,
  participants,
  certificate,
  groupKey,
  subgroups,
  mode,
  dealtBy,
}: Key): string[] {
  const { epoch, roster } = certificate.body
  return [
    field('scheme', `${scheme}, ${threshold} of ${participants.length}, epoch ${epoch}`),
    field('may sign', roster.skeleton.policy.content.join(', ')),
    field('public key', groupKey),
    ...subgroups.map(({ id, members, groupKey: own }) => field(id, `${own}, of ${members.join(', ')}`)),
    ...describeMode(mode),
    ...(dealtBy === null ? [] : [field('dealt by', `${dealtBy}, who has known all of it`)]),
  ]
}
