import { KeyId } from '@quorate/shared/wire/ids'
import type { Installed } from '@quorate/shared/wire/refresh'
import type { Change, KeyRecord } from '../src/engine/ports.ts'
import type { Store } from '../src/store/store.ts'
import { keyRecord } from './key-record.ts'

/** Opens one more handle on the store of the test that runs. `store`: its first handle. */
export type Open = () => Promise<Store>
export type Opened = Readonly<{ open: Open; store: () => Store }>

export const keyId = KeyId.parse('ab'.repeat(16))
export const DAY = 86_400_000
/** A key that is made and can be kept. */
export const record = await keyRecord()

/** What a host has said of this key at an epoch. The store does not look into it. */
export const saidAt = (epoch: number) => [{ body: { epoch }, signature: 'v' } as unknown as Installed]

/** The record of this key at an epoch, told apart by its shares. All hosts have installed epoch 0 when it is kept. */
export const recordAt = (epoch: number): KeyRecord => ({
  certificate: { ...record.certificate, body: { ...record.certificate.body, epoch } },
  shares: [{ index: 1, sealed: `c2hhcmU${epoch}` }],
  ...(epoch === 0 ? { prepared: saidAt(0), installed: saidAt(0) } : {}),
})

/** The store looks into no state, so that a marker will do. */
export const state = (marker: string) => ({ marker })
export const change = (id: string, expected: number, more: Partial<Change> = {}): Change => ({
  kind: 'keygen',
  id,
  keyId,
  expected,
  state: state(`${id}@${expected + 1}`),
  ended: false,
  expiresAt: Date.now() + DAY,
  durable: false,
  ...more,
})
export const audit = (event: string) => ({ at: 1, event, keyId, sessionId: 's', detail: { event } })

/** Where a reply is kept: of this holder as many as it likes, when nothing else is said. */
export const replyAt = (scope: string, key: string, holder = 'somebody', most = 1_000) => ({ scope, key, holder, most })
