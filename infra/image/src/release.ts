// Release keys, and manifests of the images that enclaves accept in each other. Keys and manifests are files; no secret is an argument.
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import {
  checkManifest,
  describeManifest,
  draftManifest,
  joinManifests,
  readDraft,
  type Draft,
} from './release/manifest.ts'
import { makeReleaseKey, readReleaseKey, signManifest } from './release/release-key.ts'

const usage = `release key --out KEY                                        a new release key; prints its public half
release draft --serial N --image LABEL=PCRS_JSON… --out FILE lists images, unsigned
release show FILE                                            what it lists, and who signed
release sign FILE --key KEY --out FILE                       adds a signature
release join FILE… --out FILE                                puts signatures together
release check FILE --configuration FILE                      would enclaves with this configuration take it?
`

const text = { type: 'string' } as const
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: text,
    serial: text,
    image: { type: 'string', multiple: true, default: [] as string[] },
    key: text,
    configuration: text,
  },
})

function need(name: 'out' | 'serial' | 'key' | 'configuration'): string {
  const value = values[name]
  if (value === undefined) throw new Error(`--${name} is missing\n${usage}`)
  return value
}

const read = (path: string | undefined): Draft => {
  if (path === undefined) throw new Error(`a file is missing\n${usage}`)
  return readDraft(readFileSync(path, 'utf8'))
}

function readImage(text: string): { label: string; pcrs: unknown } {
  const at = text.indexOf('=')
  if (at < 1) throw new Error(`expected LABEL=PCRS_JSON: ${text}`)
  return { label: text.slice(0, at), pcrs: JSON.parse(readFileSync(text.slice(at + 1), 'utf8')) }
}

function write(draft: Draft): string[] {
  writeFileSync(need('out'), `${JSON.stringify(draft, null, 2)}\n`)
  return describeManifest(draft)
}

type Command = (files: readonly string[]) => readonly string[] | Promise<readonly string[]>

const commands: Readonly<Record<string, Command>> = {
  key: () => [makeReleaseKey(need('out'))],
  draft: () => write(draftManifest(Number(need('serial')), values.image.map(readImage))),
  show: ([file]) => describeManifest(read(file)),
  sign: async ([file]) => {
    const { body, signatures } = read(file)
    const signature = signManifest(body, readReleaseKey(need('key')))
    return write(
      await joinManifests([
        { body, signatures },
        { body, signatures: [signature] },
      ]),
    )
  },
  join: async (files) => write(await joinManifests(files.map(read))),
  check: ([file]) => checkManifest(read(file), readFileSync(need('configuration'), 'utf8')),
}

try {
  const [name = '', ...files] = positionals
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command === undefined) throw new Error(usage)
  process.stdout.write((await command(files)).map((line) => `${line}\n`).join(''))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : 'failed'}\n`)
  process.exitCode = 1
}
