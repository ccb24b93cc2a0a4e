import { MpcError, type Mpc } from '../../mpc/src/index.ts'
import { createEcdhUse } from './ecdh.ts'
import { createFrostScheme } from './frost.ts'
import { createMusig2Scheme } from './musig2.ts'
import type { Scheme, Use } from './scheme.ts'
import type { MakeName, SchemeName, UseName } from './table.ts'

/** The cryptography of each row of the table. */
const makers: Readonly<Record<SchemeName, (mpc: Mpc) => Scheme>> = {
  'frost-secp256k1-tr': (mpc) => createFrostScheme(mpc, 'frost-secp256k1-tr', { ecdh: createEcdhUse(mpc) }),
  'frost-ed25519': (mpc) => createFrostScheme(mpc, 'frost-ed25519'),
  musig2: createMusig2Scheme,
}

const made = new WeakMap<Mpc, Map<SchemeName, Scheme>>()

/** A scheme over this module of WebAssembly. The same scheme each time. */
export function schemeOf(mpc: Mpc, name: SchemeName): Scheme {
  const known = made.get(mpc) ?? new Map<SchemeName, Scheme>()
  const scheme = known.get(name) ?? makers[name](mpc)
  made.set(mpc, known.set(name, scheme))
  return scheme
}

/** What shares of such a key do together. Throws `MpcError` when the scheme's facts do not name that use. */
export function useOf(mpc: Mpc, name: SchemeName, use: UseName): Use {
  const uses: Readonly<{ [U in UseName]?: Use }> = schemeOf(mpc, name).use
  const found = uses[use]
  if (found === undefined) throw new MpcError('invalid_input')
  return found
}

/** How keys of this scheme come about. Throws `MpcError` when the scheme's facts do not name that. */
export function makeOf<M extends MakeName>(mpc: Mpc, name: SchemeName, make: M): NonNullable<Scheme['make'][M]> {
  const found = schemeOf(mpc, name).make[make]
  if (found === undefined) throw new MpcError('invalid_input')
  return found
}
