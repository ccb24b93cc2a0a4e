/** An enclave that crashes where the plan in its state folder says: right before it handles a call, or before the reply leaves. */
import { dirname } from 'node:path'
import { parseLaunch } from '@quorate/local/enclave/launch'
import { runEnclave } from '@quorate/local/enclave/run'
import { decode } from '@quorate/shared/crypto/cbor'
import { createReach } from './crash-plan.ts'

const args = process.argv.slice(2)
const { configuration, enclaveId } = parseLaunch(args)
const reach = createReach(dirname(configuration))

await runEnclave(args, (dispatch) => async (body) => {
  const [method] = decode(body) as [string]
  reach(method, 'before', enclaveId)
  const reply = await dispatch(body)
  reach(method, 'after', enclaveId)
  return reply
})
