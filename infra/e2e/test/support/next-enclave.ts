/** The enclave of the release after this one: the same parts under other measurements. */
import { runEnclave } from '@quorate/local/enclave/run'

process.stdout.write('{"event":"next"}\n')
await runEnclave(process.argv.slice(2))
