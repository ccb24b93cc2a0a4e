import type { Command } from 'commander'
import { verifySignature } from '../../signing/proof.ts'
import { ItemsRefused } from '../../signing/result.ts'
import { fromHex } from '@quorate/shared/wire/bytes'
import { Signature } from '@quorate/shared/wire/ids'
import { describeItem, readContent, type ContentOptions } from '../content.ts'
import type { Key } from '../../key.ts'
import { readProof, verifyProofOf } from '../proof-file.ts'
import { openSession, type Session, type World } from '../session.ts'
import { good } from '../terminal.ts'
import { UsageError } from '../usage.ts'
import { outcomeLines } from '../signings.ts'
import { addContentOptions } from './sign.ts'

type Options = ContentOptions & Readonly<{ proof?: string }>

/** `quorate verify`: a signature, or a proof with its receipts, against a key. Needs no gateway. */
export function addVerify(program: Command, world: World): void {
  addContentOptions(
    program
      .command('verify')
      .argument('<key>', 'the key id, or its beginning')
      .argument('[signature]', 'the signature, 64 bytes in hex')
      .argument('[message]', 'the text that was signed')
      .description('verify a signature, or a proof that `quorate sign --out` wrote, offline'),
  )
    .option('--proof <file>', 'verify a proof: request, contents, signatures, and the receipts of the enclaves')
    .addHelpText(
      'after',
      '\nExamples:\n  quorate verify 3f2a 9b01… "hello"\n  quorate verify 3f2a --proof release.proof.json',
    )
    .action(
      async (
        id: string,
        signature: string | undefined,
        message: string | undefined,
        options: Options,
        command: Command,
      ) => {
        const session = openSession(command, world)
        if (options.proof !== undefined) {
          await checkProof(session, id, options.proof)
          return
        }
        if (signature === undefined)
          throw new UsageError('what is to be verified? Give SIGNATURE and MESSAGE, or --proof FILE')
        const parsed = Signature.safeParse(signature.toLowerCase())
        if (!parsed.success) throw new UsageError('the signature must be 64 bytes in hex')
        const key = await session.home.key(id)
        const item = await readContent(message, options, key)
        await verifySignature(key, item, fromHex(parsed.data))
        session.terminal.result({ verified: true }, [good('the signature verifies')])
      },
    )
}

async function checkProof({ terminal, home }: Session, id: string, file: string): Promise<void> {
  const proof = await readProof(file)
  const key = await home.key(id)
  const { receipts, items } = proof
  const signers = receipts.map(({ body }) => key.participants[body.index - 1] ?? '')
  try {
    await verifyProofOf(key, proof)
  } catch (error) {
    if (error instanceof ItemsRefused) showRefused(terminal, key, error, signers)
    throw error
  }
  terminal.result({ verified: true, items, quorum: signers }, [
    good(`all of it verifies: ${items.length} signed, receipts by the hosts of ${signers.join(', ')}`),
    ...items.flatMap(describeItem),
  ])
}

/** What a proof says whose items were not all signed, though all of it verifies. */
function showRefused(
  { result }: Session['terminal'],
  key: Key,
  { items, refused }: ItemsRefused,
  quorum: string[],
): void {
  const lines = items.flatMap((item, at) => [...outcomeLines(key, item, at), ...describeItem(item)])
  result({ verified: false, items, refused, quorum }, lines)
}
