// The compiled door looks for the module beside its own folder, as the source does.
import { copyFileSync, existsSync, mkdirSync } from 'node:fs'

const here = new URL('./mpc.wasm', import.meta.url)
if (existsSync(here)) {
  mkdirSync(new URL('../dist/mpc/', import.meta.url), { recursive: true })
  copyFileSync(here, new URL('../dist/mpc/mpc.wasm', import.meta.url))
}
