import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { projectFolder } from '../src/fleet/entry.ts'

const run = promisify(execFile)
const production = 'enclave/src/main.ts'
const packageFolder = (name: string) => join(projectFolder, 'node_modules', name)

let folder: string
/** Of production. */
let code: string
let made = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bundle-'))
  code = await readFile(await bundle(production), 'utf8')
})

afterAll(() => rm(folder, { recursive: true }))

/** As `make eif` bundles this source file; from this folder. */
async function bundle(source: string, cwd = projectFolder): Promise<string> {
  const image = join(folder, String((made += 1)))
  await run(process.execPath, [join(projectFolder, 'infra/local/bundle.js'), source, image], { cwd })
  return join(image, 'enclave.mjs')
}

/** A source file of this text, outside of the project. */
async function plant(text: string): Promise<string> {
  const path = join(folder, `planted-${String((made += 1))}.ts`)
  await writeFile(path, text)
  return path
}

const named = /node_modules\/((?:@[\w.-]+\/)?[\w.-]+)\/[\w./-]+\.(?:[cm]?js|json)\b/g

/** The packages whose files the bundler names in what it wrote. */
const packagesIn = (text: string) => new Set([...text.matchAll(named)].map(([, name = '']) => name))

describe('the bundle of an enclave', () => {
  it('comes from the packages that DEPENDENCIES.txt lists, and from no other', async () => {
    const list = await readFile(join(projectFolder, 'enclave/DEPENDENCIES.txt'), 'utf8')
    const names = list
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/ .*/, ''))
    expect([...packagesIn(code)].sort()).toEqual(names)
  })

  it.each([
    ['a file of its user', 'credential_process'],
    ['another process', 'child_process'],
    ['its environment', 'AWS_ACCESS_KEY_ID'],
    ['a web identity', 'AWS_WEB_IDENTITY_TOKEN_FILE'],
    ['a container', 'AWS_CONTAINER_CREDENTIALS'],
    ['a single sign-on', 'sso_session'],
    ['a login', 'login_session'],
    ['an instance', 'AWS_EC2_METADATA_V1_DISABLED'],
  ])('holds no code of AWS that takes credentials from %s', (_, mark) => {
    expect(code.includes(mark)).toBe(false)
  })

  it.each([
    '@aws-sdk/credential-provider-env',
    '@aws-sdk/credential-provider-http',
    '@aws-sdk/credential-provider-ini',
    '@aws-sdk/credential-provider-login',
    '@aws-sdk/credential-provider-process',
    '@aws-sdk/credential-provider-sso',
    '@aws-sdk/credential-provider-web-identity',
    '@aws-sdk/token-providers',
    '@smithy/credential-provider-imds',
  ])('is not made when %s comes back', async (name) => {
    const offender = await plant(`export * from ${JSON.stringify(join(packageFolder(name), 'dist-es/index.js'))}\n`)
    const refusal = new RegExp(`looks for no credentials, but contains .*node_modules/${name}\\b`)
    await expect(bundle(offender)).rejects.toThrow(refusal)
  })

  it('does not take the search for credentials by its own name', async () => {
    const client = join(packageFolder('@aws-sdk/client-kms'), 'dist-es/index.js')
    const planted = await plant(`export * from ${JSON.stringify(client)}\n`)
    const packages = packagesIn(await readFile(await bundle(planted), 'utf8'))
    expect(packages).toContain('@aws-sdk/client-kms')
    expect([...packages].filter((name) => name.includes('credential'))).toEqual([])
  })

  it('makes no client of KMS without credentials, though there are some to be found', async () => {
    const client = join(projectFolder, 'enclave/src/platform/kms-client.ts')
    const planted = await plant(`
      import { createKmsClient } from ${JSON.stringify(client)}
      try {
        createKmsClient({ region: 'local-1', endpoint: 'https://localhost:1', credentials: undefined })
      } catch (error) {
        console.log(error.name)
      }
    `)
    const env = { ...process.env, AWS_ACCESS_KEY_ID: 'found', AWS_SECRET_ACCESS_KEY: 'found' }
    const { stdout } = await run(process.execPath, [await bundle(planted)], { env })
    expect(stdout).toBe('CredentialsMissing\n')
  })

  it('is the same bytes when it is made again, from another folder', async () => {
    const again = await readFile(await bundle(join(projectFolder, production), folder), 'utf8')
    expect(again === code).toBe(true)
  })
})
