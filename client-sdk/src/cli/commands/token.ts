import type { Command } from 'commander'
import { openSession, type World } from '../session.ts'

/** `quorate token`: what lets another program read about a key. */
export function addToken(program: Command, world: World): void {
  program
    .command('token')
    .argument('<key>', 'the key id, or its beginning, or its name')
    .description('print a token with which a program reads about a key for some minutes, over the REST API')
    .addHelpText(
      'after',
      '\nWho has it sees what the gateway shows to the participants of this key. It approves nothing, and opens nothing that is sealed.\n' +
        '\nExample:\n  curl -H "authorization: Bearer $(quorate token 3f2a)" $QUORATE_GATEWAY/api/v1/keys/KEY/signings',
    )
    .action(async (id: string, _: unknown, command: Command) => {
      const session = openSession(command, world)
      const key = await session.home.key(id)
      const quorate = await session.quorate(key.gateway)
      const { token, expiresAt } = await quorate.readToken(key, { signal: session.signal })
      session.terminal.result({ token, expiresAt, keyId: key.keyId, gateway: quorate.gateway }, [token])
    })
}
