import { KeyId } from '@quorate/shared/wire/ids'
import { makeDatabase } from '../src/store/make-database.ts'
import { openStore } from '../src/store/open-store.ts'

/** Writes until it is killed, and tells its parent what has been acknowledged. */
const keyId = KeyId.parse('ab'.repeat(16))
const [path, storageKey] = [process.argv[2] ?? '', new Uint8Array(32).fill(7)]
await makeDatabase(path, storageKey)
const store = await openStore({ path, storageKey })
const write = async (id: string) => {
  for (let expected = 0; ; expected += 1) {
    const state = { id, expected }
    const audit = [{ at: 1, event: 'e', keyId, sessionId: id, detail: {} }]
    const expiresAt = Date.now() + 86_400_000
    const version = await store.save({
      kind: 'keygen',
      id,
      keyId,
      expected,
      state,
      ended: false,
      expiresAt,
      durable: expected % 2 === 0,
      audit,
    })
    process.send?.([id, version])
  }
}
await Promise.all(Array.from({ length: 50 }, (_, at) => write(`w${at}`)))
