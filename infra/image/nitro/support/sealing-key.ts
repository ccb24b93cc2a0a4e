import type { Authority } from '@quorate/local/nsm/certificate'
import { issueServerIdentity } from '@quorate/local/nsm/tls'
import type { AcceptedImage } from '@quorate/aws/key-policy/image'
import { makeKeyPolicy } from '@quorate/aws/key-policy/key-policy'
import { arnOf, developmentKeyId } from '@quorate/local/kms/key-store'
import { startKms } from '@quorate/local/kms/server'

/** KMS by the stand-in, with one key. */
export type SealingKey = Readonly<{
  arn: string
  /** On the loopback. */
  port: number
  /** From now on the key serves these images and no others, by the policy that is made for AWS. */
  admit: (images: readonly AcceptedImage[]) => void
  close: () => Promise<void>
}>

type Parts = Readonly<{
  folder: string
  /** Under which (PEM) the documents of those who ask must be. */
  root: string
  /** Whose key seals for these enclaves. */
  enclaveIds: readonly string[]
  /** Under which the service is this host to those who ask. */
  authority: Authority
  host: string
}>

const account = '000000000000'
const role = (name: string) => `arn:aws:iam::${account}:role/${name}`

/** Of the credentials that instances hand to their enclaves. */
export const accessKeyId = 'ASIAQUORATEENCLAVE00'

/** A key that serves nobody yet. */
export async function startSealingKey({ folder, root, enclaveIds, authority, host }: Parts): Promise<SealingKey> {
  const policyFor = (images: readonly AcceptedImage[]) =>
    makeKeyPolicy({
      account,
      enclaveIds,
      images,
      now: Date.now(),
      administrators: [role('key-administrator')],
      enclaveRoles: [role('quorate-enclave')],
    })
  const kms = await startKms({
    port: 0,
    tls: issueServerIdentity(authority, [host]),
    folder,
    roots: [root],
    keys: [{ keyId: developmentKeyId, policy: policyFor([]) }],
    principals: { [accessKeyId]: role('quorate-enclave') },
  })
  return {
    arn: arnOf(developmentKeyId),
    port: kms.port,
    admit: (images) => kms.keys.putPolicy(developmentKeyId, policyFor(images)),
    close: kms.close,
  }
}
