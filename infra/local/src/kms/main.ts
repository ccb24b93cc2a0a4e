import { TrustPolicy } from '@quorate/shared/attestation/policy'
import { z } from 'zod'
import { startKms } from './server.ts'

/** The stand-in as a process of its own. Its one argument is this, as JSON. */
const Config = z.strictObject({
  port: z.int().min(0).max(65_535),
  folder: z.string().min(1),
  policy: TrustPolicy,
  keyIds: z.array(z.uuid()).min(1).optional(),
})

const { keyIds, ...config } = Config.parse(JSON.parse(process.argv[2] ?? '{}'))
const kms = await startKms(keyIds === undefined ? config : { ...config, keyIds })
process.stdout.write(`${JSON.stringify({ ready: kms.url, keyArn: kms.keyArn })}\n`)

const stop = () => void kms.close()
process.once('SIGTERM', stop)
process.once('SIGINT', stop)
