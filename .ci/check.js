// Runs every check that needs no fleet, two at a time, and says of each whether it held.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

const checks = {
  format: ['prettier', '--check', '--log-level', 'warn', '.'],
  lint: ['eslint', '.'],
  'import directions': [
    'depcruise',
    '--config',
    '.dependency-cruiser.cjs',
    '--output-type',
    'err',
    'shared',
    'enclave',
    'gateway',
    'client-sdk',
    'infra',
    'bench',
  ],
  'dead code': ['knip'],
  'wasm digest': ['node', 'shared/mpc/check-digest.js'],
  'enclave dependencies': ['node', '.ci/enclave-dependencies.js'],
  'OpenAPI lint': ['redocly', 'lint', '--config', '.ci/redocly.yaml', 'docs/openapi.json'],
  'AWS files': ['sh', 'infra/aws/check.sh'],
}

// What redocly would tell its makers, and ask them.
const silent = { REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }

function run([command, ...args]) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...silent } })
    let output = ''
    child.stdout.on('data', (chunk) => (output += chunk))
    child.stderr.on('data', (chunk) => (output += chunk))
    child.on('error', (error) => resolve({ ok: false, output: String(error) }))
    child.on('close', (code) => resolve({ ok: code === 0, output }))
  })
}

async function openapi() {
  const printed = await run(['node', 'gateway/dist/src/print-openapi.js'])
  const same = printed.ok && printed.output === readFileSync('docs/openapi.json', 'utf8')
  return {
    ok: same,
    output:
      'docs/openapi.json differs from the route table: node gateway/dist/src/print-openapi.js > docs/openapi.json\n',
  }
}

const started = performance.now()
const queue = [...Object.entries(checks).map(([name, command]) => [name, () => run(command)]), ['openapi', openapi]]
let passed = 0
let failed = 0

async function work() {
  for (let next = queue.shift(); next; next = queue.shift()) {
    const [name, check] = next
    const began = performance.now()
    const { ok, output } = await check()
    console.log(`${ok ? '✓' : '✗'} ${name} (${((performance.now() - began) / 1000).toFixed(1)} s)`)
    if (ok) passed += 1
    else {
      failed += 1
      console.log(output)
    }
  }
}

await Promise.all([work(), work()])
console.log(`checks: ${passed} passed, ${failed} failed in ${((performance.now() - started) / 1000).toFixed(0)} s`)
process.exit(failed === 0 ? 0 : 1)
