import { developmentKeyId } from '../../src/kms/key-store.ts'
import { runKms } from '../../src/kms/run.ts'

/** Throttles its first twelve requests. SIGUSR2 disables its key, and enables it again. */
const kms = await runKms(process.argv[2] ?? '{}')
kms.suffer({ name: 'refusing', error: 'ThrottlingException' }, 12)
let enabled = true
process.on('SIGUSR2', () => {
  enabled = !enabled
  kms.keys.setState(developmentKeyId, enabled ? 'Enabled' : 'Disabled')
})
