import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { exportKey, type Key } from '@quorate/client'
import type { Fleet } from '../../fleet/fleet.ts'
import { paint } from '../../paint.ts'
import { hexDump } from '../hex-dump.ts'
import { occurrences } from '../occurrences.ts'
import { openDatabase, type Blob } from '../open-database.ts'
import type { Claim } from '../referee.ts'
import type { Stage } from '../stage.ts'
import type { Seeds } from './make-key.ts'

type Known = Readonly<{ key: Key; claims: readonly Claim[]; seeds: Seeds }>

/**
 * Shows the gateway's database as it lies on the disk, then opens all of it with the operator's own key, and searches both,
 * and the log, for what the gateway must not know. True when nothing of it is there.
 */
export function operatorView(stage: Stage, fleet: Fleet, known: Known): boolean {
  const blobs = openDatabase(fleet.database)
  showSession(stage, blobs)
  const files = [fleet.database, `${fleet.database}-wal`, join(fleet.state, 'logs', 'gateway.log')].filter(existsSync)
  const written = [...files.map((file) => readFileSync(file)), ...blobs.map(({ opened }) => Buffer.from(opened))]
  const size = written.reduce((sum, { length }) => sum + length, 0)
  stage.say(
    `Searched: files and log as they are, and ${blobs.length} opened blobs, ${Math.round(size / 1024)} KiB in all:`,
  )
  return search(stage, written, known)
}

function showSession(stage: Stage, blobs: readonly Blob[]): void {
  const signing = blobs.find(({ place }) => place[1].startsWith('signing/'))
  if (signing === undefined) throw new Error('the gateway has stored no signing')
  stage.say(`The last signing as it lies on the disk: ${signing.sealed.length} bytes, AES-256-GCM`)
  for (const line of hexDump(signing.sealed, 4)) stage.say(paint.dim(line))
  stage.say(
    'The operator has the key to that. Inside, what matters is sealed once more, to keys that the operator has not:',
  )
  const items = blobs.find(
    ({ place }) => place[0] === 'enclosures' && place[1] === signing.place[1].split('/', 2).join('/'),
  )
  if (items === undefined) throw new Error('the gateway has stored no items of this signing')
  stage.say(paint.dim(`${items.opened.slice(0, 46)}…`))
}

/** What the gateway must not know, each in as many values as there are. */
function secretsOf({ key, claims, seeds }: Known): readonly (readonly [string, readonly Uint8Array[]])[] {
  const { sessionSecret } = JSON.parse(exportKey(key)) as { sessionSecret: string }
  return [
    [`${claims.length} messages`, claims.map(({ message }) => message)],
    [`${claims.length} signatures`, claims.map(({ signature }) => signature)],
    ["the key's session secret", [Buffer.from(sessionSecret, 'hex')]],
    ["three people's seeds", Object.values(seeds)],
  ]
}

function search(stage: Stage, written: readonly Buffer[], known: Known): boolean {
  const line = (what: string, times: number) =>
    `${what.padEnd(28)} ${times === 0 ? 'not found' : `found ${times} times`}`
  const nothing = secretsOf(known).map(([what, values]) => {
    const times = occurrences(written, values)
    if (times === 0) stage.good(line(what, times))
    else stage.bad(line(what, times))
    return times === 0
  })
  // A search that finds nothing proves something only if it finds what is there.
  const control = occurrences(written, [Buffer.from(known.key.keyId, 'hex')])
  stage.say(`${line("the key's id, which is public", control)} ${paint.dim('(so the search works)')}`)
  stage.say(paint.dim('A share cannot even be searched for: nobody outside its enclave has one to compare with.'))
  return control > 0 && nothing.every(Boolean)
}
