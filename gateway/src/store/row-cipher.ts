import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'
import { Refusal } from '@quorate/shared/errors'

const FORMAT = 1
const NONCE = 12
const TAG = 16

/** Where a blob belongs: it opens there and nowhere else. */
export type Place = readonly [table: string, id: string, version: number]

/** A row that does not open: it is damaged, or it belongs elsewhere. */
export class DamagedRow extends Refusal {
  readonly place: Place

  constructor(place: Place) {
    super('store.damaged')
    this.place = place
  }
}

export type RowCipher = Readonly<{
  seal(place: Place, text: string): Buffer
  /** Throws a `DamagedRow` for a blob of another row, another version or another key. */
  open(place: Place, blob: Uint8Array): string
}>

/**
 * AES-256-GCM (NIST SP 800-38D) as format ‖ nonce ‖ ciphertext ‖ tag, the place as associated data. Each row has a key of
 * its own, HMAC-SHA-256(storage key, table ‖ 0 ‖ id), so that random 96-bit nonces stay safe however many rows there are.
 */
export function createRowCipher(storageKey: Uint8Array): RowCipher {
  if (storageKey.length !== 32) throw new Error('the storage key has 32 bytes')
  const keyOf = ([table, id]: Place) => createHmac('sha256', storageKey).update(`${table}\0${id}`).digest()
  const context = (place: Place) => Buffer.from(JSON.stringify(place))
  return {
    seal(place, text) {
      const nonce = randomBytes(NONCE)
      const cipher = createCipheriv('aes-256-gcm', keyOf(place), nonce).setAAD(context(place))
      const body = cipher.update(text, 'utf8')
      return Buffer.concat([Buffer.of(FORMAT), nonce, body, cipher.final(), cipher.getAuthTag()])
    },
    open(place, blob) {
      if (blob.length < 1 + NONCE + TAG || blob[0] !== FORMAT) throw new DamagedRow(place)
      try {
        const decipher = createDecipheriv('aes-256-gcm', keyOf(place), blob.subarray(1, 1 + NONCE))
        decipher.setAAD(context(place)).setAuthTag(blob.subarray(-TAG))
        const body = decipher.update(blob.subarray(1 + NONCE, -TAG))
        return Buffer.concat([body, decipher.final()]).toString('utf8')
      } catch {
        throw new DamagedRow(place)
      }
    },
  }
}
