import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parse } from '@cdktf/hcl2json'

const folder = resolve(import.meta.dirname, '../../terraform')

/** A block's body. Blocks within it are lists, expressions are `${…}`. */
export type Block = Readonly<Record<string, unknown>>
export type Resource = Readonly<{ file: string; type: string; name: string; body: Block }>

type Parsed = Readonly<Record<string, unknown>>

/** Every file by its path under terraform/, read by HashiCorp's own parser. */
export async function readTerraform(): Promise<ReadonlyMap<string, Parsed>> {
  const paths = globSync('**/*.tf', { cwd: folder }).sort()
  const parsed = paths.map(
    async (path) => [path, (await parse(path, readFileSync(join(folder, path), 'utf8'))) as Parsed] as const,
  )
  return new Map(await Promise.all(parsed))
}

/** The resources of all files, in a list. */
export function resourcesOf(files: ReadonlyMap<string, Parsed>): Resource[] {
  return [...files].flatMap(([file, { resource = {} }]) =>
    Object.entries(resource as Record<string, Record<string, Block[]>>).flatMap(([type, named]) =>
      Object.entries(named).flatMap(([name, bodies]) => bodies.map((body) => ({ file, type, name, body }))),
    ),
  )
}

/** The only block of this name within another. */
export function inner(block: Block, name: string): Block {
  const blocks = block[name]
  if (!Array.isArray(blocks) || blocks.length !== 1) throw new Error(`expected one block ${name}`)
  return blocks[0] as Block
}

/** A template with its `${…}` filled in, as templatefile does for plain names. */
export function renderTemplate(path: string, values: Readonly<Record<string, string>>): string {
  return readFileSync(join(folder, path), 'utf8').replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = values[name]
    if (value === undefined) throw new Error(`${path}: nothing is given for ${name}`)
    return value
  })
}
