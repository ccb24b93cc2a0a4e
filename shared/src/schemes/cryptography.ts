import type { Mpc } from '../../mpc/src/index.ts'
import { createFrostScheme } from './frost.ts'
import type { Scheme } from './scheme.ts'
import type { SchemeName } from './table.ts'

/** The cryptography of each row of the table. */
const makers: Readonly<Record<SchemeName, (mpc: Mpc) => Scheme>> = {
  'frost-secp256k1-tr': (mpc) => createFrostScheme(mpc, 'frost-secp256k1-tr'),
  'frost-ed25519': (mpc) => createFrostScheme(mpc, 'frost-ed25519'),
}

const made = new WeakMap<Mpc, Map<SchemeName, Scheme>>()

/** A scheme over this module of WebAssembly. The same scheme each time. */
export function schemeOf(mpc: Mpc, name: SchemeName): Scheme {
  const known = made.get(mpc) ?? new Map<SchemeName, Scheme>()
  const scheme = known.get(name) ?? makers[name](mpc)
  made.set(mpc, known.set(name, scheme))
  return scheme
}
