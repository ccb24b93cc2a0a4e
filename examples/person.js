// Whoever runs an example: a participant with a key, from the files that make-key.js wrote.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Quorate, importKey } from '@quorate/client'

const { QUORATE_GATEWAY: gateway = 'http://127.0.0.1:3000', QUORATE_TRUST = '../.fleet/trust.json' } = process.env

/** Where the seeds and keys of the examples are kept. */
export const folder = process.env.PEOPLE ?? 'people'

/** The gateway, with the enclaves that the trust file names. */
export async function openGateway() {
  const trust = JSON.parse(await readFile(QUORATE_TRUST, 'utf8'))
  return new Quorate({ gateway, trust })
}

/** @param {'alice' | 'bob' | 'carol'} name */
export async function openPerson(name) {
  const quorate = await openGateway()
  const seed = Buffer.from(await readFile(join(folder, name, 'seed'), 'utf8'), 'hex')
  const key = await importKey(await readFile(join(folder, name, 'key.json'), 'utf8'))
  return { participant: quorate.participant(name, { seed }), key }
}
