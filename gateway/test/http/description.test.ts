import { readFileSync } from 'node:fs'
import { refusals } from '@quorate/shared/errors'
import { routes } from '@quorate/shared/wire/routes/table'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { API } from '../../src/http/mount.ts'
import { openApi } from '../../src/http/openapi.ts'
import { startTestHttp, type TestHttp } from './fixture.ts'

let http: TestHttp
beforeAll(async () => {
  http = await startTestHttp()
})
afterAll(() => http.close())

type Description = { paths: Record<string, Record<string, { operationId: string }>>; components: { schemas: object } }

it('describes every route, and every schema that it refers to', async () => {
  const text = await (await fetch(`${http.url}/openapi.json`)).text()
  const { paths, components } = JSON.parse(text) as Description
  const described = Object.values(paths).flatMap((methods) => Object.values(methods).map((route) => route.operationId))
  expect(described.sort()).toEqual(Object.keys(routes).sort())
  for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g))
    expect(components.schemas).toHaveProperty(name!)
})

it('is what stands in docs/openapi.json', () => {
  const kept = readFileSync(new URL('../../../docs/openapi.json', import.meta.url), 'utf8')
  expect(`${JSON.stringify(openApi(API), null, 2)}\n`).toBe(kept)
})

it('explains every refusal on a page that loads nothing and runs nothing', async () => {
  const reply = await fetch(`${http.url}/docs`)
  const html = await reply.text()
  for (const code of Object.keys(refusals)) expect(html).toContain(`id="${code}"`)
  expect(html).not.toMatch(/<script|https?:\/\/|src=/)
  expect(reply.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-/)
})

it('sends the headers of an API that shows nothing, and no name of its server', async () => {
  const { headers } = await fetch(`${http.api}/enclaves`)
  expect(headers.get('x-content-type-options')).toBe('nosniff')
  expect(headers.get('content-security-policy')).toContain("default-src 'none'")
  expect(headers.get('strict-transport-security')).toContain('max-age=')
  expect(headers.get('cache-control')).toBe('no-store')
  expect(headers.get('x-powered-by')).toBeNull()
})
