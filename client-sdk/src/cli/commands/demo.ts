import type { Command } from 'commander'
import { defaultScheme } from '@quorate/shared/schemes/table'
import { toHex } from '@quorate/shared/wire/bytes'
import { randomBytes } from '../../random.ts'
import type { Quorate } from '../../quorate.ts'
import { openSession, type Session, type World } from '../session.ts'
import { field, good, heading } from '../terminal.ts'

const howTo = [
  heading('No gateway was named. On a machine with the sources:'),
  '  make demo      the whole tour: three enclaves, a key, signatures, one enclave killed, all restarted',
  '  make fleet     a fleet to play with; then, in another terminal:',
  '  quorate demo --gateway http://127.0.0.1:3000 --trust .fleet/trust.json',
]

/** `quorate demo`: three people on this machine make a key at a given gateway, and two of them sign with it. */
export function addDemo(program: Command, world: World): void {
  program
    .command('demo')
    .description('a tour: three participants on this machine make a key and sign with it; nothing is kept')
    .addHelpText('after', '\nExample:\n  quorate demo --gateway http://127.0.0.1:3000 --trust .fleet/trust.json')
    .action(async (_options: unknown, command: Command) => {
      const session = openSession(command, world)
      if (session.gatewayNamed()) await tour(session, await session.quorate())
      else session.terminal.result({ hint: 'make demo' }, howTo)
    })
}

async function tour({ terminal, signal }: Session, quorate: Quorate): Promise<void> {
  const step = async <T>(text: string, action: () => Promise<T>): Promise<T> => {
    const start = performance.now()
    const result = await action()
    terminal.progress(`${text} (${Math.round(performance.now() - start)} ms)`)
    return result
  }
  const names = ['alice', 'bob', 'carol'] as const
  const people = names.map((name) => quorate.participant(name, { seed: randomBytes(32) }))
  const [alice, bob, carol] = people as [(typeof people)[0], (typeof people)[0], (typeof people)[0]]

  const wish = { scheme: defaultScheme, threshold: 2, participants: names, signal } as const
  const keygen = await step('alice reserves a key: each enclave proved itself to her', () => alice.reserveKey(wish))
  await step('bob and carol check the frame and their enclaves, and register', () =>
    Promise.all([bob, carol].map((one) => one.participate(keygen.invitation(one.userId), { signal }))),
  )
  const key = await step('the enclaves make the key, and all certify it', () =>
    keygen.completed({ timeout: 60_000, signal }),
  )
  const message = 'a signature by two of three'
  const signing = await step('alice asks for a signature', () => alice.requestSignature(key, message, { signal }))
  await step('bob looks at it, and approves', async () =>
    bob.approve(await bob.signing(key, signing.signingId, { signal }), { signal }),
  )
  const { signatures } = await step('two enclaves sign; signature and receipts verify here', () =>
    signing.completed({ timeout: 60_000, signal }),
  )
  const signature = toHex(signatures[0] ?? new Uint8Array())
  terminal.result({ keyId: key.keyId, groupKey: key.groupKey, message, signature, verified: true }, [
    good('verified, and nobody ever had the key'),
    field('public key', key.groupKey),
    field('message', message),
    field('signature', signature),
  ])
}
