import * as z from 'zod/mini'

/** The most participants of a key, whatever its scheme. */
export const mostParticipants = 100

/** The most points of one adaptor. */
export const mostAdaptors = 16

/** How a signature verifies: BIP-340, or RFC 8032 with canonical points of prime order. */
export type Verification = 'bip340' | 'ed25519'

/** What the shares of a key do together. */
export type UseName = 'sign' | 'ecdh' | 'presign'

/**
 * How a key comes about: its hosts draw it together, or each participant has a key of its own in it; somebody who has it whole deals it; its
 * shares are drawn anew.
 */
export type MakeName = 'dkg' | 'contribute' | 'deal' | 'refresh'

/** What is known of a scheme without its cryptography. Lengths in bytes. */
export type SchemeFacts = Readonly<{
  verification: Verification
  keyLength: number
  /** One of `dkg` and `contribute`, and what else there is. */
  makes: readonly MakeName[]
  /** What its shares can do together, with the length of the result, or the greatest. */
  uses: Readonly<{ [U in UseName]?: number }>
  /** Can a participant commit before there is anything to sign? */
  ahead: boolean
  /** Can so many participants hold a key, of whom `threshold` sign? */
  fits: (participants: number, threshold: number) => boolean
  /** Does the key also sign as a Taproot output key (BIP-341)? */
  tweaks: boolean
  /** Has the key an extended public key, of which children sign (BIP-328)? */
  children: boolean
  /** Can some of its participants have a key of their own in it, with which all of them sign? */
  subgroups: boolean
}>

/**
 * In a DKG each of n sends each other a package of some 600 bytes, and the gateway keeps all of them through a round: 0.6 MB for 32 people, 6 MB
 * for 100.
 */
const mostOfDkg = 32

const tOfN: SchemeFacts['fits'] = (participants, threshold) =>
  threshold >= 2 && threshold <= participants && participants <= mostOfDkg

/** BIP-327: all sign. */
const nOfN: SchemeFacts['fits'] = (participants, threshold) =>
  participants >= 2 && participants <= mostParticipants && threshold === participants

/** The schemes that keys are made with. A new one is a row here, and its cryptography in a file beside this one. */
export const schemeFacts = {
  'frost-secp256k1-tr': {
    verification: 'bip340',
    keyLength: 32,
    makes: ['dkg', 'deal', 'refresh'],
    // The shared point, and index, partial and proof of each of 32 participants.
    uses: { sign: 64, ecdh: 33 + 32 * 98 },
    ahead: true,
    fits: tOfN,
    tweaks: true,
    children: false,
    subgroups: false,
  },
  'frost-ed25519': {
    verification: 'ed25519',
    keyLength: 32,
    makes: ['dkg', 'deal', 'refresh'],
    uses: { sign: 64 },
    ahead: true,
    fits: tOfN,
    tweaks: false,
    children: false,
    subgroups: false,
  },
  musig2: {
    verification: 'bip340',
    keyLength: 32,
    makes: ['contribute'],
    // A pre-signature for each point.
    uses: { sign: 64, presign: mostAdaptors * 65 },
    ahead: false,
    fits: nOfN,
    tweaks: true,
    children: true,
    subgroups: true,
  },
} as const satisfies Record<string, SchemeFacts>

export type SchemeName = keyof typeof schemeFacts
export const schemeNames = Object.keys(schemeFacts) as [SchemeName, ...SchemeName[]]
export const SchemeName = z.enum(schemeNames)

export const factsOf = (scheme: SchemeName): SchemeFacts => schemeFacts[scheme]

/** Do keys of this scheme sign in modes of this kind? */
export const hasMode = (scheme: SchemeName, { kind }: Readonly<{ kind: string }>): boolean =>
  kind === 'plain' || (kind === 'child' ? factsOf(scheme).children : factsOf(scheme).tweaks)

/** Do keys of this scheme come about so? */
export const makesBy = (scheme: SchemeName, make: MakeName): boolean => factsOf(scheme).makes.includes(make)

type Frame = Readonly<{ scheme: SchemeName; threshold: number; participants: readonly unknown[] }>

/** The scheme of a key when nobody says another. */
export const defaultScheme: SchemeName = 'frost-secp256k1-tr'

/** The greatest lengths among all schemes, in bytes: of a key, and of a result of whatever use. */
export const longestKey = Math.max(...schemeNames.map((scheme) => factsOf(scheme).keyLength))
export const longestResult = Math.max(...schemeNames.flatMap((scheme) => Object.values(factsOf(scheme).uses)))

/** The most bytes of a share, in whatever form. */
export const longestShare = 256

/** May a key be like this? For the schemas of what a key is made from. */
export const fitsScheme = ({ scheme, threshold, participants }: Frame): boolean =>
  factsOf(scheme).fits(participants.length, threshold)

/** Why a schema refuses what `fitsScheme` denies. */
export const misfit = 'keys of this scheme cannot have so many participants with this threshold'

/** Up to how many participants each threshold has a form of its own. */
const exactForms = mostOfDkg

const upTo = (most: number): number[] => Array.from({ length: most }, (_, at) => at + 1)
const sizes = upTo(mostParticipants)

/** What fits one of these schemes, which fit the same: a form for each threshold, or a rough one where there are too many. */
function formsOf(schemes: readonly SchemeName[], fits: SchemeFacts['fits']): object[] {
  const fitting = sizes.filter((n) => sizes.some((threshold) => fits(n, threshold)))
  const [fewest, most] = [Math.min(...fitting), Math.max(...fitting)]
  const formOf = (threshold: object, minItems: number): object => ({
    type: 'object',
    properties: {
      scheme: { enum: schemes },
      threshold,
      participants: { type: 'array', items: {}, minItems, maxItems: most },
    },
  })
  if (most > exactForms) return [formOf({ type: 'integer', maximum: most }, fewest)]
  return upTo(most).flatMap((threshold) => {
    const first = fitting.find((n) => fits(n, threshold))
    return first === undefined ? [] : [formOf({ const: threshold }, first)]
  })
}

/** What JSON Schema can say of `fitsScheme`: for each threshold that a scheme fits, the fewest participants, and the most. */
export const frameForms: readonly object[] = [...new Set(schemeNames.map((scheme) => factsOf(scheme).fits))].flatMap(
  (fits) =>
    formsOf(
      schemeNames.filter((scheme) => factsOf(scheme).fits === fits),
      fits,
    ),
)
