import * as z from 'zod'
import { loadOrCreateTls } from '../nsm/tls.ts'
import { developmentPrincipals } from './development-policy.ts'
import { startKms, type RunningKms } from './server.ts'

const Key = z.strictObject({ keyId: z.uuid(), policy: z.unknown() })

/** The one argument of the process, as JSON. */
const Config = z.strictObject({
  port: z.int().min(0).max(65_535),
  folder: z.string().min(1),
  roots: z.array(z.string().min(1)).min(1),
  keys: z.tuple([Key], Key),
})

/**
 * The stand-in as a process of its own: prints one line when it serves, `{ ready, keyArn, authority }`, and ends by SIGTERM. Its TLS
 * identity is kept with its keys.
 */
export async function runKms(argument: string): Promise<RunningKms> {
  const config = Config.parse(JSON.parse(argument))
  const { authority, server } = await loadOrCreateTls(config.folder)
  const kms = await startKms({ ...config, tls: server, principals: developmentPrincipals })
  process.stdout.write(`${JSON.stringify({ ready: kms.url, keyArn: kms.keyArn, authority })}\n`)
  const stop = () => void kms.close().then(() => process.exit(0))
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  return kms
}
