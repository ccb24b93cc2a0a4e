import { TrustPolicy } from '@quorate/shared/attestation/policy'
import { z } from 'zod'
import { loadOrCreateTls } from '../nsm/tls.ts'
import { startKms } from './server.ts'

/** The stand-in as a process of its own. Its one argument is this, as JSON. */
const Config = z.strictObject({
  port: z.int().min(0).max(65_535),
  folder: z.string().min(1),
  policy: TrustPolicy,
  keyIds: z.array(z.uuid()).min(1).optional(),
})

const { keyIds, ...config } = Config.parse(JSON.parse(process.argv[2] ?? '{}'))
const { authority, server } = await loadOrCreateTls(config.folder)
const kms = await startKms({ ...config, tls: server, ...(keyIds && { keyIds }) })
process.stdout.write(`${JSON.stringify({ ready: kms.url, keyArn: kms.keyArn, authority })}\n`)

const stop = () => void kms.close()
process.once('SIGTERM', stop)
process.once('SIGINT', stop)
