import { fileURLToPath } from 'node:url'

/** Tests and benches run on the sources, people on what `npm run build` made of them. */
export const fromSource = import.meta.url.endsWith('.ts')

/** The folder of the whole project. */
export const projectFolder = fileURLToPath(new URL(fromSource ? '../../../../' : '../../../../../', import.meta.url))

/** What to give to `node` so that it runs this file of a workspace, named without its extension. */
export const entry = (workspace: string, file: string): string[] =>
  fromSource
    ? ['--conditions=source', `${projectFolder}${workspace}/src/${file}.ts`]
    : [`${projectFolder}${workspace}/dist/src/${file}.js`]
