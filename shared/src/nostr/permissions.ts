import * as z from 'zod/mini'

/** What a key does with a third party's messages (NIP-44, NIP-04). */
export const CipherMethod = z.enum(['nip44_encrypt', 'nip44_decrypt', 'nip04_encrypt', 'nip04_decrypt'])
export type CipherMethod = z.infer<typeof CipherMethod>

const Kind = z.int().check(z.minimum(0), z.maximum(65_535))

/**
 * Kinds whose signature is a credential, so that whoever has it acts as the user: relays (22242), a signer (24133), Blossom (24242) and
 * HTTP (27235) ask for it. They are permitted by name only.
 */
export const credentialKinds: readonly number[] = [22_242, 24_133, 24_242, 27_235]

/** What a client may have done: cipher methods, and kinds of events to sign. `ordinary`: all kinds but credentials. */
export interface Permissions {
  methods: CipherMethod[]
  kinds: { ordinary: boolean; named: number[] }
}
export const Permissions = z.toZod<Permissions>()(
  z.strictObject({
    methods: z.array(CipherMethod).check(z.maxLength(CipherMethod.options.length)),
    kinds: z.strictObject({ ordinary: z.boolean(), named: z.array(Kind).check(z.maxLength(256)) }),
  }),
)

export const permitsKind = ({ kinds }: Permissions, kind: number): boolean =>
  kinds.named.includes(kind) || (kinds.ordinary && !credentialKinds.includes(kind))

/** One permission as a client asks for it: a method, and for `sign_event` one kind, or null for the ordinary ones. */
export type Permission = Readonly<{ method: CipherMethod | 'sign_event'; kind: number | null }>

function readPermission(text: string): Permission | null {
  const [, name, kind] = /^([a-z0-9_]+)(?::(0|[1-9]\d{0,4}))?$/.exec(text) ?? []
  if (name === 'sign_event') {
    if (kind === undefined) return { method: name, kind: null }
    const read = Kind.safeParse(Number(kind))
    return read.success ? { method: name, kind: read.data } : null
  }
  const cipher = CipherMethod.safeParse(name)
  return cipher.success && kind === undefined ? { method: cipher.data, kind: null } : null
}

export const formatPermission = ({ method, kind }: Permission): string =>
  kind === null ? method : `${method}:${String(kind)}`

/**
 * NIP-46's list, as in `nip44_encrypt,sign_event:4`. It is a wish that only the owner can grant: what this signer cannot do anyway is
 * left out, and each permission stands once.
 */
export function readPermissions(list: string): Permission[] {
  const read = list.split(',').map((text) => readPermission(text.trim()))
  const known = new Map(read.flatMap((one) => (one === null ? [] : [[formatPermission(one), one] as const])))
  return [...known.values()].slice(0, 256)
}

/** The set that grants these and nothing more. */
export function permissionsOf(list: readonly Permission[]): Permissions {
  const signing = list.filter(({ method }) => method === 'sign_event').map(({ kind }) => kind)
  return {
    methods: CipherMethod.options.filter((cipher) => list.some(({ method }) => method === cipher)),
    kinds: { ordinary: signing.includes(null), named: [...new Set(signing.filter((kind) => kind !== null))] },
  }
}
