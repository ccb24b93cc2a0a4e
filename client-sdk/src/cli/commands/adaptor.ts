import type { Command } from 'commander'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import { Signature } from '@quorate/shared/wire/ids'
import type { Key } from '../../key.ts'
import { completeSignature, extractSecret, proveAdaptor } from '../../signing/adaptors.ts'
import type { PreSignedItem } from '../../signing/result.ts'
import { writeNew } from '../files.ts'
import { provenItems, readProof } from '../proof-file.ts'
import { readScalar } from '../secret.ts'
import { openSession, type World } from '../session.ts'
import { field, good } from '../terminal.ts'
import { UsageError } from '../usage.ts'

/** `quorate adaptor`: what people do with pre-signatures and the secrets of their points. Needs no gateway. */
export function addAdaptor(program: Command, world: World): void {
  const adaptor = program
    .command('adaptor')
    .description('complete pre-signatures, and learn the secrets that signatures give away, offline')
    .addHelpText(
      'after',
      '\n`quorate sign --adaptor POINT --out FILE` asks for a pre-signature, and `quorate verify KEY --proof FILE` verifies it.\n' +
        'Secrets never stand in a command line: files hold them, 32 bytes in hex.\n' +
        '\nExamples:\n  quorate adaptor complete 3f2a swap.proof.json --secret t.hex\n' +
        '  quorate adaptor extract 3f2a swap.proof.json 9b01… --out t.hex\n  quorate adaptor prove --secret t.hex',
    )
  addComplete(adaptor, world)
  addExtract(adaptor, world)
  addProve(adaptor, world)
}

type Chosen = Readonly<{ item?: string }>

const addItem = (command: Command): Command =>
  command.option('--item <number>', 'which item of the proof, where several are pre-signed')

/** Of a proof, which is verified first, the pre-signed item that is named, or the only one. Throws `UsageError`. */
async function preSignedIn(key: Key, file: string, { item: named }: Chosen): Promise<PreSignedItem> {
  const items = await provenItems(key, await readProof(file))
  const found = items.flatMap((item, at) =>
    item.refused === null && item.preSignatures !== null && (named === undefined || named === String(at + 1))
      ? [item]
      : [],
  )
  const [only] = found
  if (only === undefined)
    throw new UsageError(`${file} has no pre-signature${named === undefined ? '' : ` as item ${named}`}`)
  if (found.length > 1) throw new UsageError(`${file} has several pre-signed items: say which with --item NUMBER`)
  return only
}

/** Reads secrets, lends them, and wipes them. */
async function withSecrets<T>(
  files: readonly string[],
  { stdin }: World,
  use: (secrets: readonly Uint8Array[]) => Promise<T>,
): Promise<T> {
  if (files.filter((file) => file === '-').length > 1) throw new UsageError('one secret can come from standard input')
  const secrets: Uint8Array[] = []
  try {
    for (const file of files) secrets.push(await readScalar(file, stdin))
    return await use(secrets)
  } finally {
    for (const secret of secrets) secret.fill(0)
  }
}

const collect = (file: string, before: readonly string[] = []): string[] => [...before, file]

function addComplete(adaptor: Command, world: World): void {
  addItem(
    adaptor
      .command('complete')
      .argument('<key>', 'the key id, or its beginning')
      .argument('<proof>', 'the file that `quorate sign --out` wrote')
      .description('make the signature of a pre-signature: whoever sees it then learns the secret'),
  )
    .requiredOption(
      '--secret <file>',
      'the secret of the point; once for each, where all of several are asked for',
      collect,
    )
    .addHelpText('after', '\nExample:\n  quorate adaptor complete 3f2a swap.proof.json --secret t.hex')
    .action(async (id: string, file: string, options: Chosen & { secret: string[] }, command: Command) => {
      const { home, terminal } = openSession(command, world)
      const key = await home.key(id)
      const item = await preSignedIn(key, file, options)
      const signed = await withSecrets(options.secret, world, (secrets) => completeSignature(key, item, secrets))
      const [signature, publicKey] = [toHex(signed.signature), signed.publicKey]
      terminal.result({ event: 'signed', keyId: key.keyId, signature, publicKey }, [
        good('verified: the signature'),
        field('signature', signature),
        field('public key', publicKey),
      ])
    })
}

function addExtract(adaptor: Command, world: World): void {
  addItem(
    adaptor
      .command('extract')
      .argument('<key>', 'the key id, or its beginning')
      .argument('<proof>', 'the file that `quorate sign --out` wrote')
      .argument('<signature>', 'the signature that was made of the pre-signature, 64 bytes in hex')
      .description('learn the secret that a signature gives away; where all of several were asked for, the last one'),
  )
    .requiredOption('--out <file>', 'write the secret there, in hex, for you alone; nothing is replaced')
    .option('--known <file>', 'of several secrets one that you know; once for each', collect)
    .addHelpText('after', '\nExample:\n  quorate adaptor extract 3f2a swap.proof.json 9b01… --out t.hex')
    .action(
      async (
        id: string,
        file: string,
        text: string,
        options: Chosen & { out: string; known?: string[] },
        command: Command,
      ) => {
        const { home, terminal } = openSession(command, world)
        const signature = Signature.safeParse(text.toLowerCase())
        if (!signature.success) throw new UsageError('the signature must be 64 bytes in hex')
        const key = await home.key(id)
        const item = await preSignedIn(key, file, options)
        const secret = await withSecrets(options.known ?? [], world, (known) =>
          extractSecret(key, item, fromHex(signature.data), known),
        )
        try {
          await writeNew(options.out, toHex(secret))
        } finally {
          secret.fill(0)
        }
        terminal.result({ event: 'extracted', keyId: key.keyId, file: options.out }, [
          good(`the secret is in ${options.out}`),
        ])
      },
    )
}

function addProve(adaptor: Command, world: World): void {
  adaptor
    .command('prove')
    .description('the point of a secret, and the proof that its owner knows it: terms of `all` ask for one of each')
    .requiredOption('--secret <file>', 'the secret, 32 bytes in hex; - for standard input')
    .addHelpText('after', '\nExample:\n  quorate adaptor prove --secret t.hex --json')
    .action(async ({ secret: file }: { secret: string }, command: Command) => {
      const { terminal } = openSession(command, world)
      const { point, proof } = await withSecrets([file], world, ([secret = new Uint8Array(0)]) => proveAdaptor(secret))
      terminal.result({ event: 'proved', point, proof }, [field('point', point), field('proof', proof)])
    })
}
