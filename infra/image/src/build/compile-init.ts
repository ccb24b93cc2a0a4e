import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { inWorkspace } from './workspace.ts'

const run = promisify(execFile)
const source = inWorkspace('init/init.c')

/**
 * Compiles init with the pinned compiler unpacked at `toolchain`, each of whose programs runs under its own loader and
 * libraries, so that the machine's compiler and C library do not matter. Gives a static ELF program without symbols.
 */
export async function compileInit(toolchain: string): Promise<Buffer> {
  const work = await mkdtemp(join(tmpdir(), 'quorate-init-'))
  const at = (path: string): string => join(toolchain, 'usr', path)
  const lib = (name: string): string => at(`lib/x86_64-linux-gnu/${name}`)
  const gcc = (name: string): string => at(`lib/gcc/x86_64-linux-gnu/14/${name}`)
  const tool = async (path: string, ...args: string[]): Promise<void> => {
    await run(at('lib64/ld-linux-x86-64.so.2'), ['--library-path', lib(''), at(path), ...args], { cwd: work })
  }
  const headers = [gcc('include'), at('include/x86_64-linux-gnu'), at('include')].flatMap((path) => ['-isystem', path])
  const warnings = ['-Wall', '-Wextra', '-Werror']
  const start = [lib('crt1.o'), lib('crti.o'), gcc('crtbeginT.o')]
  const libraries = ['--start-group', gcc('libgcc.a'), gcc('libgcc_eh.a'), lib('libc.a'), '--end-group']
  const hardening = ['--build-id=none', '--gc-sections', '-z', 'noexecstack', '-z', 'relro', '-z', 'now']
  try {
    const code = [
      '-quiet',
      '-std=c17',
      '-Os',
      '-fno-pie',
      '-fstack-protector-strong',
      '-D_FORTIFY_SOURCE=2',
      '-nostdinc',
    ]
    await tool('libexec/gcc/x86_64-linux-gnu/14/cc1', ...code, ...warnings, ...headers, source, '-o', 'init.s')
    await tool('bin/x86_64-linux-gnu-as', 'init.s', '-o', 'init.o')
    const objects = [...start, 'init.o', ...libraries, gcc('crtend.o'), lib('crtn.o')]
    await tool('bin/x86_64-linux-gnu-ld.bfd', '-static', '-s', ...hardening, '-o', 'init', ...objects)
    return await readFile(join(work, 'init'))
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
