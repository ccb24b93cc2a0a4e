import { readFile } from 'node:fs/promises'
import { testStreams } from '@quorate/shared/linux/self-test'
import { connectVsock, PARENT_CID } from '@quorate/shared/linux/vsock'
import { formatListenAddress, type ListenAddress } from '@quorate/shared/wire/address'
import { boot } from './boot.ts'
import { readConfiguration } from './configuration.ts'
import { createEnclave } from './enclave.ts'
import { addEntropy } from './platform/entropy.ts'
import { openNsmDevice } from './platform/nsm-device.ts'
import { endOnCrash } from './server/crash.ts'
import { createDispatch } from './server/dispatch.ts'
import { serve } from './server/serve.ts'

// An enclave on AWS Nitro. Code, WASM and configuration lie side by side in the measured image; the parent instance is the only
// machine that there is. Whatever fails here ends the process, and with it the enclave.
const configuration = readConfiguration(await readFile(new URL('configuration.json', import.meta.url), 'utf8'))
await testStreams()
const platform = await boot(configuration, {
  nsm: openNsmDevice(),
  addEntropy,
  dialParent: (port, signal) => connectVsock(PARENT_CID, port, signal),
  write: (line) => void process.stdout.write(`${line}\n`),
})
endOnCrash(platform.log)
const listen: ListenAddress = { kind: 'vsock', port: configuration.ports.listen }
await serve(listen, createDispatch(createEnclave(platform), platform.log))
platform.log({ event: 'enclave.listening', address: formatListenAddress(listen) })
