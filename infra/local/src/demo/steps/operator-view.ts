import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { exportKey, type Key } from '@quorate/client'
import type { Fleet } from '../../fleet/fleet.ts'
import { hexDump } from '../hex-dump.ts'
import type { Claim } from '../referee.ts'
import type { Stage } from '../stage.ts'
import type { Seeds } from './make-key.ts'
import { paint } from '../../paint.ts'

/** Shows the gateway's database as its operator can, and searches all that the gateway wrote for what it must not know. */
export function operatorView(
  stage: Stage,
  fleet: Fleet,
  { key, claims, seeds }: Readonly<{ key: Key; claims: readonly Claim[]; seeds: Seeds }>,
): boolean {
  dumpSession(stage, fleet)
  const files = [fleet.database, `${fleet.database}-wal`, join(fleet.state, 'logs', 'gateway.log')].filter(existsSync)
  const written = files.map((file) => readFileSync(file))
  const size = written.reduce((sum, { length }) => sum + length, 0)
  stage.say(`Searched: database, its log of writes, the gateway's log; ${Math.round(size / 1024)} KiB`)

  const count = (secrets: readonly Uint8Array[]) => occurrences(written, secrets)
  // A search that finds nothing proves something only if it finds what is there.
  const found = count([Buffer.from(key.keyId)])
  stage.say(`the key's id, which is public   found ${found} times`)
  const { sessionSecret } = JSON.parse(exportKey(key)) as { sessionSecret: string }
  const secrets: readonly (readonly [string, readonly Uint8Array[]])[] = [
    ['the messages', claims.map(({ message }) => message)],
    ['the signatures', claims.map(({ signature }) => signature)],
    ["the key's session secret", [Buffer.from(sessionSecret, 'hex')]],
    ["the people's seeds", Object.values(seeds)],
  ]
  const leaks = secrets.map(([what, values]) => {
    const times = count(values)
    const line = `${what.padEnd(30)}  found ${times} times, raw, in hex, in base64`
    if (times === 0) stage.good(line)
    else stage.bad(line)
    return times
  })
  stage.say(paint.dim('A share cannot even be searched for: none has ever been outside its enclave in the clear.'))
  return found > 0 && leaks.every((times) => times === 0)
}

function dumpSession(stage: Stage, { database }: Fleet): void {
  const db = new DatabaseSync(database, { readOnly: true })
  try {
    const row = db
      .prepare("SELECT id, blob FROM sessions WHERE kind = 'signing' ORDER BY updated_at DESC LIMIT 1")
      .get()
    const blob = row?.['blob']
    if (!(blob instanceof Uint8Array)) throw new Error('the gateway has stored no signing')
    stage.say(`sessions.blob of signing ${String(row?.['id'])}, ${blob.length} bytes, AES-256-GCM:`)
    for (const line of hexDump(blob, 6)) stage.say(paint.dim(line))
    stage.say(paint.dim('…'))
  } finally {
    db.close()
  }
}

/** How often any of these stands in any of the files: as bytes, hex, base64 or base64url. */
function occurrences(files: readonly Buffer[], secrets: readonly Uint8Array[]): number {
  const forms = secrets.flatMap((secret) => {
    const bytes = Buffer.from(secret)
    // The last characters of a base64 text depend on what follows; the others do not.
    const texts = [
      bytes.toString('hex'),
      bytes.toString('base64').replace(/.{0,2}=*$/, ''),
      bytes.toString('base64url').slice(0, -2),
    ]
    return [bytes, ...new Set(texts)].map((form) => Buffer.from(form))
  })
  return files.reduce((sum, file) => sum + forms.reduce((times, form) => times + countIn(file, form), 0), 0)
}

function countIn(file: Buffer, form: Buffer): number {
  let times = 0
  for (let at = file.indexOf(form); at !== -1; at = file.indexOf(form, at + 1)) times += 1
  return times
}
