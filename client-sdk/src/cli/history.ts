import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { showContent } from '@quorate/shared/contents/table'
import { KeyId, SigningId, Time, UserId } from '@quorate/shared/wire/ids'
import * as z from 'zod/mini'
import type { Signing } from '../signing/signing.ts'
import { folder, readIfThere } from './files.ts'
import { parse } from './seeds.ts'

/** What was done here in a signing. `what`: how its first item begins. */
const Entry = z.strictObject({
  at: Time,
  event: z.enum(['requested', 'approved', 'rejected', 'withdrawn', 'completed']),
  signingId: SigningId,
  keyId: KeyId,
  userId: UserId,
  what: z.string(),
})
export type Entry = z.infer<typeof Entry>

/** Characters of an item that are kept. */
const longest = 80

export type History = Readonly<{
  /** What cannot be written down has been done nevertheless: no error. */
  note: (event: Entry['event'], userId: string, signing: Signing) => Promise<void>
  /** The oldest first, each thing once. A damaged line is left out. */
  history: () => Promise<Entry[]>
}>

export function historyIn(path: string): History {
  const fileFor = async () => join(await folder(path, 'history'), 'signings.jsonl')
  return {
    async note(event, userId, { signingId, key: { keyId }, items }) {
      const [first] = items.flatMap(({ content }) => showContent(content)).map(({ text }) => text)
      const more = items.length > 1 ? ` and ${items.length - 1} more` : ''
      const entry = { at: Date.now(), event, signingId, keyId, userId, what: (first ?? '').slice(0, longest) + more }
      await appendFile(await fileFor(), JSON.stringify(entry) + '\n', { mode: 0o600 }).catch(() => undefined)
    },
    async history() {
      const lines = ((await readIfThere(await fileFor())) ?? '').split('\n')
      const once = new Map<string, Entry>()
      for (const entry of lines.map((line) => parse(Entry, line))) {
        if (entry === null) continue
        const name = `${entry.event} ${entry.signingId} ${entry.userId}`
        if (!once.has(name)) once.set(name, entry)
      }
      return [...once.values()]
    },
  }
}
