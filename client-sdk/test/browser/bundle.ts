import { fileURLToPath } from 'node:url'
import { build, type Metafile } from 'esbuild'

/** The script of the page with which tests use the SDK in a browser. */
export async function bundlePage(): Promise<Readonly<{ script: string; metafile: Metafile }>> {
  const { outputFiles, metafile } = await build({
    entryPoints: [fileURLToPath(new URL('page.ts', import.meta.url))],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'browser',
    format: 'esm',
    target: 'es2023',
    conditions: ['source'],
    // A built-in must show in the metafile, and not stop the build with a message of its own.
    external: ['node:*'],
  })
  return { script: outputFiles[0]!.text, metafile }
}
