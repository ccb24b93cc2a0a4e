import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { cruise, type ICruiseResult } from 'dependency-cruiser'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/*
 * Each rule on import directions, against a file that breaks it: a rule whose pattern matches nothing forbids nothing. The offenders
 * lie in a folder of their own, under the paths that the rules speak of.
 */
type Offender = Readonly<{ rule: string; from: string; to: string }>
const offender = (rule: string, from: string, to: string): Offender => ({ rule, from, to })

const offenders: readonly Offender[] = [
  offender('shared-imports-nobody', 'shared/src/wire/offender.ts', 'gateway/src/config.ts'),
  offender('enclave-meets-no-sibling', 'enclave/src/offender.ts', 'client-sdk/src/key.ts'),
  offender('gateway-meets-no-sibling', 'gateway/src/offender.ts', 'enclave/src/boot.ts'),
  offender('client-meets-no-sibling', 'client-sdk/src/offender.ts', 'gateway/src/events.ts'),
  offender('infra-imports-no-bench', 'infra/local/src/offender.ts', 'bench/src/main.ts'),
  offender('the-lab-knows-no-signer', 'infra/nostr/src/offender.ts', 'shared/src/nostr/nip44.ts'),
  offender('no-circles', 'infra/image/src/a.ts', 'infra/image/src/b.ts'),
  offender('noble-curves-is-the-referee', 'client-sdk/src/curve.ts', 'node_modules/@noble/curves/index.js'),
  offender('pure-machines', 'gateway/src/courses/acting.ts', 'gateway/src/engine/actor.ts'),
  offender('pure-machines-reach-nothing', 'gateway/src/engine/machine.ts', 'node:fs'),
  offender('engine-knows-the-table-alone', 'gateway/src/engine/knowing.ts', 'shared/src/ceremonies/keygen.ts'),
  offender('adapters-meet-in-main', 'gateway/src/http/storing.ts', 'gateway/src/store/open-store.ts'),
  offender('adapters-meet-in-main', 'gateway/src/release/asking.ts', 'gateway/src/hosts/enclaves/pool.ts'),
  offender('the-sdk-knows-no-command', 'client-sdk/src/printing.ts', 'client-sdk/src/cli/terminal.ts'),
  offender('shared-imports-no-party', 'shared/src/verify/holding.ts', 'shared/party/src/vault.ts'),
  offender('the-gateway-holds-no-share', 'gateway/src/keys/holding.ts', 'shared/party/src/party.ts'),
  offender('a-party-is-of-no-platform', 'shared/party/src/dialling.ts', 'shared/src/linux/vsock.ts'),
  offender('a-party-imports-nothing-of-node', 'shared/party/src/reading.ts', 'node:fs'),
  offender('nostr-imports-nothing-of-node', 'shared/src/nostr/reading.ts', 'node:fs'),
  offender('shared/src/nostr', 'shared/src/nostr/asking.ts', 'shared/src/consent/permits.ts'),
  offender('shared/src/bunker', 'shared/src/bunker/asking.ts', 'shared/src/consent/permits.ts'),
  offender('shared/party/src/bunker', 'shared/party/src/bunker/spending.ts', 'shared/party/src/using/signing.ts'),
  offender('shared/party/src/making', 'shared/party/src/making/spending.ts', 'shared/party/src/using/signing.ts'),
  offender('shared/src/wire', 'shared/src/wire/checking.ts', 'shared/src/verify/roster.ts'),
  offender('shared/src/schemes', 'shared/src/schemes/parsing.ts', 'shared/src/wire/bytes.ts'),
  offender('shared/src/ceremonies', 'shared/src/ceremonies/sealing.ts', 'shared/src/crypto/hash.ts'),
  offender('enclave/src/vault', 'enclave/src/vault/talking.ts', 'enclave/src/server/serve.ts'),
  offender('enclave/src/policy', 'enclave/src/policy/signing.ts', 'enclave/src/vault/root.ts'),
  offender('gateway/src/bounds', 'gateway/src/bounds/driving.ts', 'gateway/src/engine/sessions.ts'),
  offender('gateway/src/engine', 'gateway/src/engine/choosing.ts', 'gateway/src/courses/table.ts'),
  offender('gateway/src/courses', 'gateway/src/courses/loading.ts', 'gateway/src/keys/key-cache.ts'),
  offender('gateway/src/hosts', 'gateway/src/hosts/serving.ts', 'gateway/src/http/app.ts'),
  offender('gateway/src/cli', 'gateway/src/cli/serving.ts', 'gateway/src/http/app.ts'),
  offender('gateway/src/store', 'gateway/src/store/calling.ts', 'gateway/src/hosts/health.ts'),
  offender('client-sdk/src/bunker', 'client-sdk/src/bunker/making.ts', 'client-sdk/src/keygen/join.ts'),
  offender('gateway/src/nostr', 'gateway/src/nostr/commanding.ts', 'gateway/src/commands/ports.ts'),
  offender('client-sdk/src/signing', 'client-sdk/src/signing/making.ts', 'client-sdk/src/keygen/join.ts'),
]

/** The way back of the circle, which is reported once. */
const back = offender('no-circles', 'infra/image/src/b.ts', 'infra/image/src/a.ts')

const top = resolve(import.meta.dirname, '../..')
const { forbidden } = createRequire(import.meta.url)(join(top, '.dependency-cruiser.cjs')) as { forbidden: never[] }
let folder: string
let found: readonly Offender[]

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), text)
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'quorate-arrows-'))
  for (const { to } of offenders) if (!to.startsWith('node:')) write(to, 'export const it = 1\n')
  write('node_modules/@noble/curves/package.json', '{ "name": "@noble/curves", "main": "index.js", "type": "module" }')
  for (const { from, to } of [...offenders, back]) {
    const up = '../'.repeat(from.split('/').length - 1)
    const path = to.startsWith('node_modules/') ? '@noble/curves' : to.startsWith('node:') ? to : `${up}${to}`
    write(from, `import * as it from '${path}'\nexport { it }\n`)
  }
  const options = { baseDir: folder, ruleSet: { forbidden }, validate: true, tsPreCompilationDeps: true }
  const { output } = await cruise(['shared', 'enclave', 'gateway', 'client-sdk', 'infra'], options)
  found = (output as ICruiseResult).summary.violations.map(({ rule, from, to }) => offender(rule.name, from, to))
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('an import against the arrows', () => {
  it.each(offenders)('is refused by $rule: $from -> $to', ({ rule, from, to }) => {
    const name = to.replace('node:', '')
    expect(found).toContainEqual(offender(rule, from, expect.stringMatching(new RegExp(`${name}$`)) as never))
  })

  it('is tried for every rule, a row for each room at least where rooms have names of their own', () => {
    const tried = new Set(offenders.map(({ rule }) => rule))
    const named = (forbidden as { name: string }[]).map(({ name }) => name)
    const kinds = new Set(named.map((name) => (name.includes('/') ? name.split('/')[0] : name)))
    expect(
      [...kinds].filter((kind) => ![...tried].some((rule) => rule === kind || rule.startsWith(`${kind}/`))),
    ).toEqual([])
  })
})
