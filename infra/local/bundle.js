// Makes the image of a simulated enclave: one file of code with the WASM module beside it. This folder is what is measured,
// so the same sources and lockfile must give the same bytes, wherever and whenever it is made.
// Usage: node bundle.js [SOURCE FOLDER], for an enclave of another composition and where its image goes.
import { copyFile, mkdir, rename, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { bundleEnclave } from './enclave-bundle.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const [source = 'infra/local/src/enclave/main.ts', folder = `${root}infra/local/dist/enclave`] = process.argv.slice(2)
const image = pathToFileURL(`${resolve(folder)}/`)

/** Whole or not at all: a fleet that starts meanwhile must not measure half a file. */
async function replace(name, write) {
  const draft = new URL(`${name}.${process.pid}`, image)
  await write(draft)
  await rename(draft, new URL(name, image))
}

const { code } = await bundleEnclave(source)
await mkdir(image, { recursive: true })
await replace('enclave.mjs', (draft) => writeFile(draft, code))
await replace('mpc.wasm', (draft) => copyFile(new URL('../../shared/mpc/mpc.wasm', import.meta.url), draft))
