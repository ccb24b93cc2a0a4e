import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { KMSClient } from '@aws-sdk/client-kms'
import { createKmsClient } from '@quorate/enclave/platform/kms-client'
import { TunnelTlsAgent } from '@quorate/enclave/platform/tunnel'

export async function dialLoopback(port: number, signal: AbortSignal): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect', { signal })
  return socket
}

type Endpoint = Readonly<{ port: number; authority: string; accessKeyId?: string }>

/** The enclave's own client of AWS's SDK, with TCP in place of vsock. */
export const clientOf = ({ port, authority, accessKeyId = 'local' }: Endpoint): KMSClient =>
  createKmsClient({
    endpoint: `https://localhost:${port}`,
    region: 'local-1',
    credentials: { accessKeyId, secretAccessKey: 'local' },
    agent: new TunnelTlsAgent((signal) => dialLoopback(port, signal), [authority]),
  })
