import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { KeyId, RefreshId } from '../ids.ts'
import { bunkerRoutes } from './bunker.ts'
import { enclaveRoutes } from './enclaves.ts'
import { keygenRoutes } from './keygen.ts'
import { keyRoutes } from './keys.ts'
import { manifestRoutes } from './manifest.ts'
import { refreshRoutes } from './refresh.ts'
import { none, route, writePath, type Route } from './route.ts'
import { sessionRoutes } from './sessions.ts'
import { signingRoutes } from './signing.ts'
import { routes } from './table.ts'
import { togetherRoutes } from './together.ts'

const rest = {
  method: 'get',
  summary: '',
  wants: 'nobody',
  query: none,
  body: null,
  reply: z.strictObject({}),
  errors: [],
} as const
const keyId = KeyId.parse('a'.repeat(32))
const refreshId = RefreshId.parse('b'.repeat(32))

describe('the parameters of a path', () => {
  it('are made from the path, each with the schema of its name', () => {
    const { params } = route({ ...rest, path: '/keys/{keyId}/refresh/{refreshId}/status' })
    const parsed: { keyId: KeyId; refreshId: RefreshId } = params.parse({ keyId, refreshId })
    expect(parsed).toEqual({ keyId, refreshId })
    expect(params.safeParse({ keyId }).success).toBe(false)
    expect(params.safeParse({ keyId, refreshId: 'short' }).success).toBe(false)
    expect(params.safeParse({ keyId, refreshId, more: '1' }).success).toBe(false)
  })

  it('are none for a path without braces', () => {
    const { params } = route({ ...rest, path: '/enclaves' })
    expect(params.safeParse({}).success).toBe(true)
    expect(params.safeParse({ keyId }).success).toBe(false)
  })

  it.each(['id', 'constructor', 'KeyId'])('are refused by a name that says nothing: {%s}', (name) => {
    // @ts-expect-error -- a path names its parameters by the table
    expect(() => route({ ...rest, path: '/keys/{id}' })).toThrow('{id}')
    expect(() => route({ ...rest, path: `/keys/{${name}}` as '/keys' })).toThrow(`{${name}}`)
  })

  it.each(['/keys/{keyId', '/keys/keyId}', '/keys/{}', '/keys/{key-id}'])(
    'are refused in half a notation: %s',
    (path) => {
      expect(() => route({ ...rest, path: path as '/keys' })).toThrow('brace')
    },
  )

  it('are written as the reader of the path writes them', () => {
    expect(writePath('/keys/{keyId}/refresh/{refreshId}', (name) => `:${name}`)).toBe('/keys/:keyId/refresh/:refreshId')
    expect(writePath('/keys/{keyId}', () => '$&$1')).toBe('/keys/$&$1')
  })
})

describe('the route table', () => {
  it('has every route of every resource, none of which hides another', () => {
    const resources = [
      sessionRoutes,
      keygenRoutes,
      keyRoutes,
      signingRoutes,
      togetherRoutes,
      refreshRoutes,
      bunkerRoutes,
      enclaveRoutes,
      manifestRoutes,
    ]
    const names = resources.flatMap((resource) => Object.keys(resource))
    expect(Object.keys(routes)).toEqual(names)
    const doors = Object.values<Route>(routes).map(({ method, path }) => `${method} ${writePath(path, () => '*')}`)
    expect(new Set(doors).size).toBe(doors.length)
  })
})
