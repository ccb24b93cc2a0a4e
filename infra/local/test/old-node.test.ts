import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { entry } from '../src/fleet/entry.ts'

/** A Node that says it is older than it is, and that has no `node:sqlite` yet. */
const old = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module'
  Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })
  registerHooks({
    resolve(name, context, next) {
      if (name === 'node:sqlite') throw new Error('No such built-in module')
      return next(name, context)
    },
  })
`)}`

it.each([
  ['gateway', 'main'],
  ['infra/local', 'fleet/main'],
  ['infra/local', 'demo/main'],
])('says what to do on an old Node: %s %s', (workspace, file) => {
  const { status, stderr } = spawnSync(process.execPath, ['--import', old, ...entry(workspace, file)], {
    env: { ...process.env, STATE: '/nowhere', PORT: '0' },
    encoding: 'utf8',
  })
  expect(stderr).toMatch(/^quorate needs Node 22\.19 or newer.*node_modules\/\.bin\/node\n$/)
  expect(status).toBe(1)
})
