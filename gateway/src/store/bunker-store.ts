import type { Digest, KeyId } from '@quorate/shared/wire/ids'
import type { BunkerRecord, ClientRequest, LoggedEntry } from './bunkers.ts'
import type { StoreFault } from './faults.ts'
import type { Sender } from './sender.ts'
import type { FoundClientRequest } from './client-request-table.ts'

const parse = (text: string): unknown => JSON.parse(text)

const requestFrom = ({ eventId, keyId, version, state }: FoundClientRequest) => ({
  eventId: eventId as Digest,
  keyId: keyId as KeyId,
  version,
  state: parse(state) as ClientRequest,
})

const texts = (lines: readonly LoggedEntry[]) => lines.map((line) => JSON.stringify(line))

/** The part of the store that is about bunkers. */
export const bunkerStore = (sender: Sender, fault: (fault: StoreFault) => void) => ({
  ...recordStore(sender, fault),
  ...requestStore(sender, fault),
  ...logStore(sender),
})

function recordStore(sender: Sender, fault: (fault: StoreFault) => void) {
  return {
    async loadBunkers() {
      const { bunkers, unreadable } = await sender.send('loadBunkers', [])
      for (const found of unreadable) fault(found)
      return bunkers.map(({ keyId, version, record }) => ({
        keyId: keyId as KeyId,
        version,
        record: parse(record) as BunkerRecord,
      }))
    },
    saveBunker: (keyId: KeyId, expected: number, record: BunkerRecord) =>
      sender.send('saveBunker', [keyId, expected, JSON.stringify(record)], true),
  }
}

function requestStore(sender: Sender, fault: (fault: StoreFault) => void) {
  return {
    async loadClientRequest(eventId: Digest) {
      const found = await sender.send('loadClientRequest', [eventId])
      return found === null ? null : requestFrom(found)
    },
    async openClientRequests(since: number) {
      const { requests, unreadable } = await sender.send('openClientRequests', [since])
      for (const found of unreadable) fault(found)
      return requests.map(requestFrom)
    },
    saveClientRequest: (
      change: Readonly<{ eventId: Digest; keyId: KeyId; expected: number; state: ClientRequest }>,
      lines: readonly LoggedEntry[],
      durable: boolean,
    ) => {
      const { state, ...row } = change
      const { cameAt, stage } = state
      const open = stage.name !== 'answered'
      return sender.send(
        'saveClientRequest',
        [{ ...row, open, cameAt, state: JSON.stringify(state) }, texts(lines)],
        durable,
      )
    },
  }
}

function logStore(sender: Sender) {
  return {
    appendBunkerLog: (keyId: KeyId, lines: readonly LoggedEntry[]) =>
      sender.send('appendBunkerLog', [keyId, texts(lines)]),
    async loadBunkerLog(keyId: KeyId, after: number | null, most: number) {
      const found = await sender.send('loadBunkerLog', [keyId, after, most])
      return found.map(({ at, line }) => ({ at, ...(parse(line) as LoggedEntry) }))
    },
  }
}
