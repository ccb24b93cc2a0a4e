// What others wrote in the enclave's bundle is little and reviewed: enclave/DEPENDENCIES.txt lists each package with its
// version and the digest of its archive, and a change must be meant. `--write` records the present bundle.
import { readFileSync, writeFileSync } from 'node:fs'
import { bundleEnclave } from '../infra/local/enclave-bundle.js'

const list = new URL('../enclave/DEPENDENCIES.txt', import.meta.url)
const read = (path) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
const locked = JSON.parse(read('package-lock.json')).packages

function fail(...lines) {
  for (const line of lines) console.error(line)
  process.exit(1)
}

/** The digest is the lockfile's, so the version that is bundled must be the lockfile's as well. */
function describe(folder) {
  const { name, version } = JSON.parse(read(`${folder}/package.json`))
  if (locked[folder]?.version !== version) fail(`${folder} is not what package-lock.json names: npm ci installs that.`)
  return `${name} ${version} ${locked[folder].integrity}`
}

const { packages } = await bundleEnclave('enclave/src/main.ts')
const present = packages.map(describe).sort().join('\n') + '\n'
if (process.argv.includes('--write')) writeFileSync(list, present)
else if (readFileSync(list, 'utf8') !== present) {
  fail(
    'The enclave is bundled from other packages than enclave/DEPENDENCIES.txt lists.',
    'Review the change, then record it: node .ci/enclave-dependencies.js --write',
  )
}
