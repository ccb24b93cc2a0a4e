import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { readPcrs, type AcceptedImage } from './image.ts'
import { formatKeyPolicy, makeKeyPolicy } from './key-policy.ts'

const usage = `Prints the policy of the KMS key that seals the roots of enclaves.

  key-policy --account ID --administrator ROLE_ARN… --enclave-role ROLE_ARN… --enclave ID…
             (--image PCRS_JSON [--leaving PCRS_JSON@YYYY-MM-DD…] | --no-image)

  --account        the account of the key and of its roles, twelve digits
  --administrator  may change the policy, and cannot decrypt; name two, so that losing one loses nothing
  --enclave-role   the role of the instances that host enclaves
  --enclave        an enclave id of the fleet, such as enclave-0
  --image          measurements of the image that the key serves: PCR0, 1, 2 and, if it is signed, 8
  --leaving        an image that a rolling upgrade leaves, and the day (UTC) from which on KMS refuses it
  --no-image       no image yet: the key serves nobody
`

const list = { type: 'string', multiple: true, default: [] as string[] } as const
const flag = { type: 'boolean', default: false } as const

function readImages(image: string | undefined, leaving: readonly string[], none: boolean): AcceptedImage[] {
  if ((image === undefined) !== none) throw new Error('give --image, or --no-image while there is none')
  if (none && leaving.length > 0) throw new Error('--leaving goes with --image')
  const stays = image === undefined ? [] : [{ pcrs: readFile(image), until: null }]
  return [...stays, ...leaving.map(readLeaving)]
}

function readLeaving(text: string): AcceptedImage {
  const at = text.lastIndexOf('@')
  if (at < 1) throw new Error(`expected PCRS_JSON@YYYY-MM-DD: ${text}`)
  return { pcrs: readFile(text.slice(0, at)), until: text.slice(at + 1) }
}

const readFile = (path: string) => readPcrs(JSON.parse(readFileSync(path, 'utf8')))

function run(args: readonly string[]): string {
  const { values } = parseArgs({
    args: [...args],
    strict: true,
    options: {
      account: { type: 'string', default: '' },
      administrator: list,
      'enclave-role': list,
      enclave: list,
      image: { type: 'string' },
      leaving: list,
      'no-image': flag,
      help: flag,
    },
  })
  if (values.help) return usage
  const policy = makeKeyPolicy({
    account: values.account,
    administrators: values.administrator,
    enclaveRoles: values['enclave-role'],
    enclaveIds: values.enclave,
    images: readImages(values.image, values.leaving, values['no-image']),
    now: Date.now(),
  })
  return formatKeyPolicy(policy)
}

try {
  process.stdout.write(run(process.argv.slice(2)))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : 'failed'}\nTry --help.\n`)
  process.exitCode = 1
}
