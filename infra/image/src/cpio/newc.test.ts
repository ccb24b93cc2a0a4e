import { execFileSync } from 'node:child_process'
import { lstatSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { writeCpio, type Entry } from './newc.ts'

const entries: Entry[] = [
  { type: 'file', path: 'init', mode: 0o755, contents: Buffer.from('#!') },
  { type: 'link', path: 'usr/lib/libc.so', mode: 0o777, target: 'libc.so.6' },
  { type: 'file', path: 'usr/lib/libc.so.6', mode: 0o644, contents: Buffer.from('elf') },
  { type: 'directory', path: 'tmp', mode: 0o1777 },
]

it('gives the same archive in whatever order the entries come', () => {
  expect(writeCpio(entries.toReversed())).toEqual(writeCpio(entries))
})

it('leaks neither time, owner, device nor inode of the machine that packs', () => {
  const archive = writeCpio([{ type: 'file', path: 'a', mode: 0o600, contents: Buffer.from('xyz') }])
  const zero = '00000000'
  const fields = [
    '00000001',
    '00008180',
    zero,
    zero,
    '00000001',
    zero,
    '00000003',
    zero,
    zero,
    zero,
    zero,
    '00000002',
    zero,
  ]
  expect(archive.toString('latin1', 0, 120)).toBe(`070701${fields.join('')}a\0xyz\0\0`.slice(0, 112) + 'xyz\0' + '0707')
})

it('ends at a whole block, so that another archive may follow', () => {
  const archive = writeCpio(entries)
  expect(archive.length % 512).toBe(0)
  expect(archive.toString('latin1')).toMatch(/TRAILER!!!\0+$/)
})

it('unpacks with the system’s cpio as what was packed, folders included', ({ skip }) => {
  try {
    execFileSync('cpio', ['--version'])
  } catch {
    skip('no cpio on this machine')
  }
  const folder = mkdtempSync(join(tmpdir(), 'quorate-cpio-'))
  try {
    execFileSync('cpio', ['-i', '--quiet'], { cwd: folder, input: writeCpio(entries) })
    const mode = (path: string) => lstatSync(join(folder, path)).mode & 0o7777
    expect([mode('init'), mode('usr/lib'), mode('usr/lib/libc.so.6'), mode('tmp')]).toEqual([
      0o755, 0o755, 0o644, 0o1777,
    ])
    expect(readFileSync(join(folder, 'init'), 'utf8')).toBe('#!')
    expect(readlinkSync(join(folder, 'usr/lib/libc.so'))).toBe('libc.so.6')
  } finally {
    rmSync(folder, { recursive: true })
  }
})

it.each(['/etc/passwd', '../x', 'a/../b', 'a//b', './a', 'a/', '', 'ä', 'a b', 'a\0b'])(
  'refuses the path %j',
  (path) => {
    expect(() => writeCpio([{ type: 'directory', path, mode: 0o755 }])).toThrow(/not a path/)
  },
)

it('refuses an entry that comes twice, and a file with entries below it', () => {
  const file = (path: string): Entry => ({ type: 'file', path, mode: 0o644, contents: Buffer.alloc(0) })
  expect(() => writeCpio([file('a'), file('a')])).toThrow(/twice/)
  expect(() => writeCpio([file('a'), file('a/b')])).toThrow(/not a folder/)
})
