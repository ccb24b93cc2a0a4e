import * as z from 'zod/mini'
import { mostParticipants } from '../schemes/table.ts'
import { Text } from '../contents/content.ts'
import { EnclaveId, Index } from './ids.ts'
import { EnclaveIdentity } from './identity.ts'

/** Names who holds a share: an enclave. Clients and remote signers join with ids of their own. */
export const HostId = EnclaveId
export type HostId = z.infer<typeof HostId>

/** Who holds a participant's share, with the keys that prove it. Clients and remote signers join this union with their own keys. */
export const Host = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('enclave'), identity: EnclaveIdentity }),
])
export type Host = z.infer<typeof Host>

/** A participant's place in a ceremony: its index, and the host of its share. */
export type Seat = Readonly<{ index: number; host: HostId }>

/** The bodies of frames. A refusal carries a code and culprits, never text. */
export const RequestBodyFrame = z.tuple([Text.check(z.maxLength(64)), z.unknown()])
export const ReplyBodyFrame = z.union([
  z.strictObject({ result: z.unknown() }),
  z.strictObject({
    refusal: z.strictObject({
      code: Text.check(z.maxLength(64)),
      culprits: z.array(Index).check(z.maxLength(mostParticipants)),
    }),
  }),
])
