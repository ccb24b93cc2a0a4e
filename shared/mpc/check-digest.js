// Whether mpc.wasm is the recorded artefact, and whether it was built from the sources as they stand; --record after a
// build. The sources are all that decides its bytes: Rust, lockfile, flags and toolchain.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

const at = (path) => new URL(path, import.meta.url)
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')

function sourcesDigest() {
  const rust = readdirSync(at('./rust'), { recursive: true }).filter((path) => path.endsWith('.rs'))
  const paths = [
    'Cargo.toml',
    'Cargo.lock',
    'build.sh',
    'toolchain.sh',
    'toolchain.sha256',
    ...rust.map((path) => `rust/${path}`),
  ]
  const lines = paths.sort().map((path) => `${sha256(readFileSync(at(path)))}  ${path}\n`)
  return sha256(lines.join(''))
}

const wasm = sha256(readFileSync(at('./mpc.wasm')))
const records = {
  './mpc.wasm.sha256': `${wasm}  mpc.wasm\n`,
  './sources.sha256': `${sourcesDigest()}\n`,
  './src/digest.ts': `/** SHA-256 of mpc.wasm; written by check-digest.js. */\nexport const MPC_SHA256 = '${wasm}'\n`,
}

for (const [path, expected] of Object.entries(records)) {
  if (process.argv.includes('--record')) writeFileSync(at(path), expected)
  else if (readFileSync(at(path), 'utf8') !== expected) {
    console.error(`shared/mpc/${path.slice(2)} does not match: sh shared/mpc/build.sh`)
    process.exitCode = 1
  }
}
