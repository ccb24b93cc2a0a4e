// How an enclave becomes one file of code, and which packages that code comes from.
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** Where AWS's SDK would look for credentials by itself: environment, files, child processes, other services. */
const unwanted = /\/node_modules\/@(aws-sdk|smithy)\/(credential-provider|token-provider|nested-clients)/

/** Folders as the lockfile names them: `node_modules/zod`. Whatever gives a byte counts. */
function packagesOf({ outputs }) {
  const files = Object.values(outputs).flatMap(({ inputs }) => Object.entries(inputs))
  const folders = files
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([file]) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0])
  return [...new Set(folders)].filter((folder) => folder !== undefined).sort()
}

/** Bundles this source file. Throws when a package that looks for credentials is in it. */
export async function bundleEnclave(source) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: fileURLToPath(new URL('../../', import.meta.url)),
    entryPoints: [source],
    outfile: 'infra/local/dist/enclave/enclave.mjs',
    write: false,
    metafile: true,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    conditions: ['source'],
    mainFields: ['module', 'main'],
    legalComments: 'none',
    logLevel: 'warning',
    // An enclave gives its client credentials, so the SDK's own search for some is code that nobody should have to read.
    alias: { '@aws-sdk/credential-provider-node': './enclave/src/platform/no-credential-search.ts' },
    // What is CommonJS among the dependencies asks for Node's own modules with require.
    banner: { js: "import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)" },
  })
  const packages = packagesOf(metafile)
  const found = packages.filter((folder) => unwanted.test(`/${folder}`))
  if (found.length > 0) throw new Error(`an enclave looks for no credentials, but contains ${found.join(', ')}`)
  return { code: outputFiles[0].contents, packages }
}
