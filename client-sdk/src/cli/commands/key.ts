import type { Command } from 'commander'
import { loadMpc } from '@quorate/shared/mpc'
import { factsOf } from '@quorate/shared/schemes/table'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import type { Key } from '../../key.ts'
import { taprootKey } from '../../signing/items.ts'
import { npub } from '../../npub.ts'
import { keysHere } from '../keys-here.ts'
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
      const { gateway, keyId, scheme, threshold, groupKey, digest, dealtBy } = key
      const rest = { gateway, keyId, scheme, threshold, participants: key.participants, groupKey, digest, dealtBy }
      const { epoch, roster } = key.certificate.body
      const { policy, participants } = roster.skeleton
      const hosts = participants.map(({ userId, host }) => ({ userId, enclaveId: host.identity.enclaveId }))
      terminal.result({ ...rest, epoch, policy, hosts, ...names }, [
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

function frameLines({ scheme, threshold, participants, certificate, groupKey, dealtBy }: Key): string[] {
  const { epoch, roster } = certificate.body
  return [
    field('scheme', `${scheme}, ${threshold} of ${participants.length}, epoch ${epoch}`),
    field('may sign', roster.skeleton.policy.content.join(', ')),
    field('public key', groupKey),
    ...(dealtBy === null ? [] : [field('dealt by', `${dealtBy}, who has known all of it`)]),
  ]
}

/** The other names of a key: for Nostr (NIP-19), and for Bitcoin without a script tree, as far as its scheme has them. */
async function publicNames(key: Key): Promise<Record<string, string>> {
  const { verification, tweaks } = factsOf(key.scheme)
  const names: Record<string, string> = {}
  if (verification === 'bip340') names.npub = npub(fromHex(key.groupKey))
  if (tweaks) names.taproot = toHex(taprootKey(await loadMpc(), key))
  return names
}
