// The enclave's dependency closure is short and reviewed: enclave/DEPENDENCIES.txt lists it, and a change to it must be meant.
// `--write` records the present closure.
import { readFileSync, writeFileSync } from 'node:fs'

const list = new URL('../enclave/DEPENDENCIES.txt', import.meta.url)
const { packages } = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'))

/** As Node resolves: the nearest node_modules on the way up from the package that asks. */
function locate(name, from) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(folder.lastIndexOf('/node_modules/'), 0))) {
    const path = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`
    if (packages[path]) return packages[path].link ? packages[path].resolved : path
    if (folder === '') return null
    if (!folder.includes('/node_modules/')) folder = ''
  }
}

const closure = new Map()
function visit(path) {
  for (const name of Object.keys(packages[path]?.dependencies ?? {})) {
    const found = locate(name, path)
    if (found === null || closure.has(found)) continue
    closure.set(found, name)
    visit(found)
  }
}
visit('enclave')

const lines = [...closure].map(([path, name]) => `${name} ${packages[path].version}`)
const present = [...new Set(lines)].sort().join('\n') + '\n'
if (process.argv.includes('--write')) writeFileSync(list, present)
else if (readFileSync(list, 'utf8') !== present) {
  console.error('The enclave depends on other packages than enclave/DEPENDENCIES.txt lists.')
  console.error('Review the change, then record it: node .ci/enclave-dependencies.js --write')
  process.exit(1)
}
