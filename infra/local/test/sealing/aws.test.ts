import { developmentKeyId, arnOf } from '../../src/kms/key-store.ts'
import { image, KmsDesk, otherKeyId } from '../support/kms-desk.ts'
import { checkSealing, type Bench } from './contract.ts'

checkSealing('AWS KMS behind attestation, by the stand-in of a local fleet', async (): Promise<Bench> => {
  const desk = await KmsDesk.open()
  const claims = { provider: 'aws', releasesTo: 'measured-image', keyAttestation: 'none' } as const
  const open = (more: Parameters<KmsDesk['attested']>[0] = {}) => ({
    kms: desk.attested(more),
    claims,
  })
  return {
    open,
    openOther: () => open({ arn: arnOf(otherKeyId) }),
    // Another image: credentials do not matter to who may open.
    openStranger: () => open({ nsm: desk.nsm(image(2)) }),
    openLost: () => open({ port: 9 }),
    disable: () => {
      desk.kms.keys.setState(developmentKeyId, 'Disabled')
      return 'kms.disabled'
    },
    stride: 9,
    close: () => desk.close(),
  }
})
