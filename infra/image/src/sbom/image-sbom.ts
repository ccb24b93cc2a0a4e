import { bundled, crates, pinned, type Component } from './components.ts'

export type Sbom = Readonly<{
  bomFormat: 'CycloneDX'
  specVersion: '1.5'
  version: 1
  metadata: Readonly<{ component: object }>
  components: readonly Component[]
}>

/** `read` gives a file of the tree by its path. The crates are all of the lockfile, also what is left out for WebAssembly. */
export function imageSbom(read: (path: string) => string): Sbom {
  const { version } = JSON.parse(read('package.json')) as { version: string }
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: { type: 'firmware', 'bom-ref': 'quorate-enclave', name: 'quorate-enclave', version } },
    components: [
      ...pinned(read('infra/image/pins.json')),
      ...bundled(read('enclave/DEPENDENCIES.txt')),
      ...crates(read('shared/mpc/Cargo.lock')),
    ],
  }
}
