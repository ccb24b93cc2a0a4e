import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectFolder } from '@quorate/local/fleet/entry'

/** The ten lines of README, for a gateway and trust file that the environment names; they print what came out. */
export function tenLines(): string {
  const readme = readFileSync(join(projectFolder, 'README.md'), 'utf8')
  const [, program = ''] = /\n## Ten lines\n[^]*?```ts\n([^]*?)```/.exec(readme) ?? []
  return (
    program
      .replace("'.fleet/trust.json'", "process.env['QUORATE_TRUST'] ?? ''")
      .replace("'http://127.0.0.1:3000'", "process.env['QUORATE_GATEWAY'] ?? ''") +
    "console.log(key.groupKey, Buffer.from(signatures[0] ?? []).toString('hex'), receipts.length)\n"
  )
}

/** The same for CommonJS, which has no `await` at its top. */
export const asCommonJs = (program: string): string => {
  const requires = program.replaceAll(/^import (.+) from ('.+')$/gm, 'const $1 = require($2)')
  return `(async () => {\n${requires}})()\n`
}

/** Makes a key and signs with it, in any runtime. */
const use = `
import { Quorate } from '@quorate/client'

export async function use({ gateway, trust }) {
  const quorate = new Quorate({ gateway, trust })
  const person = (name) => quorate.participant(name, { seed: crypto.getRandomValues(new Uint8Array(32)) })
  const [alice, bob] = [person('alice'), person('bob')]
  const keygen = await alice.reserveKey({ scheme: 'frost-secp256k1-tr', threshold: 2, participants: ['alice', 'bob'] })
  await bob.participate(keygen.invitation('bob'))
  const key = await keygen.completed()
  const signing = await alice.requestSignature(key, 'hello')
  await bob.approve(await bob.signing(key, signing.signingId))
  const [signature] = (await signing.completed()).signatures
  return { groupKey: key.groupKey, signature: [...signature] }
}
`

const worker = `
import { use } from './use.js'

addEventListener('message', ({ data }) => {
  use(data).then((done) => postMessage({ done }), (error) => postMessage({ failed: error.message }))
})
`

const page = `
import { use } from './use.js'

const useInWorker = (given) => {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
  worker.postMessage(given)
  return new Promise((resolve, reject) => {
    worker.addEventListener('message', ({ data }) => (data.done ? resolve(data.done) : reject(new Error(data.failed))))
    worker.addEventListener('error', ({ message }) => reject(new Error(message)))
  })
}
Object.assign(globalThis, { use, useInWorker })
`

/** A page that uses the SDK itself and in a worker. */
export const pageFiles = { 'use.js': use, 'worker.js': worker, 'page.js': page }
export const pageHtml = (script: string): string =>
  `<!doctype html><html lang="en"><title>Quorate</title><script type="module" src="${script}"></script></html>`
