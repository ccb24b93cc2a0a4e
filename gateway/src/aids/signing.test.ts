import { Refusal } from '@quorate/shared/errors'
import { expect, it } from 'vitest'
import { createSigningAid } from './signing.ts'
import type { SigningSession } from '../courses/signing-terms.ts'
import type { Tools } from './tools.ts'

/** A signing of a request at epoch 4, of a key that is at this epoch in the store, for this asker of a refresh. */
const asked = {
  keyId: 'k',
  own: { request: { body: { epoch: 4, certificateDigest: 'four' } } },
} as unknown as SigningSession
const tools = (inForce: string, asker?: number) =>
  ({
    keys: { load: () => Promise.resolve({ verified: { digest: inForce } }) },
    store: { loadKeyAt: (_: string, epoch: number) => Promise.resolve(epoch === 5 ? { asker } : null) },
  }) as unknown as Tools

const read = (of: Tools, code: 'epoch.stale' | 'key.unknown') => createSigningAid(of).reads?.(asked, new Refusal(code))

it('names who had the key refreshed, when hosts are at the next epoch', async () => {
  expect(await read(tools('five', 3), 'epoch.stale')).toMatchObject({ code: 'epoch.stale', culprits: [3] })
  expect(await read(tools('five'), 'epoch.stale')).toMatchObject({ code: 'epoch.stale', culprits: [] })
})

it('takes a host that is behind the epoch in force for one that is busy, and other refusals as they are', async () => {
  expect(await read(tools('four', 3), 'epoch.stale')).toMatchObject({ code: 'enclave.busy' })
  expect(await read(tools('five', 3), 'key.unknown')).toMatchObject({ code: 'key.unknown' })
})
