import type { KMSClient } from '@aws-sdk/client-kms'
import { createKmsClient } from '@quorate/enclave/platform/kms-client'
import { TunnelTlsAgent } from '@quorate/enclave/platform/tunnel'
import { dialLoopback } from '../../src/enclave/dial-loopback.ts'

type Endpoint = Readonly<{ port: number; authority: string; accessKeyId?: string }>

/** The enclave's own client of AWS's SDK, with TCP in place of vsock. */
export const clientOf = ({ port, authority, accessKeyId = 'local' }: Endpoint): KMSClient =>
  createKmsClient({
    endpoint: `https://localhost:${port}`,
    region: 'local-1',
    credentials: { accessKeyId, secretAccessKey: 'local' },
    agent: new TunnelTlsAgent((signal) => dialLoopback(port, signal), [authority]),
  })
