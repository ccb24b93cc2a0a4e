import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { projectFolder } from '@quorate/local/fleet/entry'

/** The oldest Node that the packages say they run on, as npm has it for this machine. */
const OLDEST_NODE = `npm:node-linux-${process.arch}@20.19.0`

export type Ran = Readonly<{ status: number | null; out: string; err: string }>
export type Running = Readonly<{
  child: ChildProcess
  /** Resolves with what stdout says as soon as that matches; rejects when the process ends before. */
  says: (what: RegExp) => Promise<RegExpMatchArray>
  ended: Promise<Ran>
}>

/** What a newcomer has: a folder outside of any clone, and in it what npm installs of the packed SDK and of its registry. */
export type CleanFolder = Readonly<{
  path: string
  /** The oldest Node that will do, and the one of this project. */
  nodes: Readonly<{ oldest: string; own: string }>
  /** For a package.json: the packed packages, as seen from a folder in this one. */
  packages: Readonly<Record<string, string>>
  /** Makes a folder in this one with these files, and installs there. */
  project: (name: string, manifest: object, files?: Readonly<Record<string, string>>) => string
  /** Installs what the package.json of a folder names. */
  install: (folder: string) => void
  close: () => void
}>

/** npm needs what this machine says of certificates and registries. */
const npm = (folder: string, ...args: string[]) =>
  execFileSync('npm', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })

/** Nothing of this run of tests: a stranger's programs know of neither its options nor its variables. */
function strangersEnv(more: Readonly<Record<string, string>>): Record<string, string> {
  const { PATH = '', HOME = '' } = process.env
  return { PATH, HOME, ...more }
}

export function openCleanFolder(): CleanFolder {
  const path = mkdtempSync(join(tmpdir(), 'quorate-newcomer-'))
  const out = join(path, 'out')
  mkdirSync(out)
  npm(projectFolder, 'pack', '--ignore-scripts', '-w', 'shared', '-w', 'client-sdk', '--pack-destination', out)
  const packages = {
    '@quorate/client': 'file:../out/quorate-client-0.1.0.tgz',
    '@quorate/shared': 'file:../out/quorate-shared-0.1.0.tgz',
  }
  const install = (folder: string) =>
    void npm(folder, 'install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--no-package-lock')
  const project = (name: string, manifest: object, files: Readonly<Record<string, string>> = {}) => {
    const folder = join(path, name)
    mkdirSync(folder)
    for (const [file, text] of Object.entries({ 'package.json': JSON.stringify(manifest), ...files }))
      writeFileSync(join(folder, file), text)
    install(folder)
    return folder
  }
  const oldest = join(project('nodes', { dependencies: { oldest: OLDEST_NODE } }), 'node_modules/oldest/bin/node')
  const close = () => rmSync(path, { recursive: true, force: true })
  return { path, nodes: { oldest, own: process.execPath }, packages, project, install, close }
}

/** The examples of this project, copied and installed. */
export function copyExamples(clean: CleanFolder): string {
  const folder = join(clean.path, 'examples')
  const mine = (source: string) => !/node_modules|people$/.test(source.slice(projectFolder.length))
  cpSync(join(projectFolder, 'examples'), folder, { recursive: true, filter: mine })
  clean.install(folder)
  return folder
}

type Place = Readonly<{ cwd: string; env?: Readonly<Record<string, string>> }>

/** Starts a program there, with nothing in its environment but this. */
export function start(command: string, args: readonly string[], { cwd, env = {} }: Place): Running {
  const child = spawn(command, args, { cwd, env: strangersEnv(env), stdio: ['pipe', 'pipe', 'pipe'] })
  let [out, err] = ['', '']
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString()
    child.emit('said')
  })
  const ended = once(child, 'close').then(([status]) => ({ status: status as number | null, out, err }))
  const says = (what: RegExp) =>
    new Promise<RegExpMatchArray>((resolve, reject) => {
      const look = () => {
        const match = what.exec(out)
        if (match) resolve(match)
      }
      child.on('said', look)
      void ended.then(() =>
        reject(new Error(`${args.join(' ')} ended before it said ${String(what)}:\n${out}\n${err}`)),
      )
      look()
    })
  return { child, says, ended }
}

/** Runs a program there to its end. */
export const run = (command: string, args: readonly string[], place: Place): Promise<Ran> =>
  start(command, args, place).ended
