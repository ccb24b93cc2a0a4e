import { digestOf } from '@quorate/shared/crypto/sign'
import { sealLogLine } from '@quorate/shared/crypto/bunker-secrets'
import type { LogEntry, LogLine } from '@quorate/shared/wire/bunker'
import type { Digest } from '@quorate/shared/wire/ids'
import type { PartyPorts } from '../ports.ts'
import type { HeldKey, Vault } from '../vault.ts'

/** What this life of the host has done for programs, key by key: each line names the one before, so that none can be left out. */
export type Log = Readonly<{ write: (key: HeldKey, line: LogLine) => Promise<LogEntry> }>

type Ports = Pick<PartyPorts, 'keys' | 'life' | 'clock'> & Readonly<{ vault: Vault }>

export function createLog({ keys, life, clock, vault }: Ports): Log {
  const last = new Map<Digest, Readonly<{ seq: number; digest: Digest }>>()
  return {
    write(key, line) {
      const { lineage } = key
      const before = last.get(lineage) ?? null
      const place = { lineage, life, seq: (before?.seq ?? -1) + 1 }
      const sealed = vault.lend(key.certificate.roster.skeleton.keyId, key.index, ({ sessionSecret }) =>
        sealLogLine(sessionSecret, place, line),
      )
      const body = { ...place, previous: before?.digest ?? null, at: clock(), sealed }
      // Before the signature is there: the next line names this one, whichever is signed first.
      last.set(lineage, { seq: place.seq, digest: digestOf('log-entry', body) })
      return keys.sign('log-entry', body)
    },
  }
}
