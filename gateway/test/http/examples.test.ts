import { refusals, type RefusalCode } from '@quorate/shared/errors'
import { Problem } from '@quorate/shared/wire/problem'
import type { Route } from '@quorate/shared/wire/routes/route'
import { routes } from '@quorate/shared/wire/routes/table'
import { describe, expect, it } from 'vitest'
import recorded from '../../src/http/examples.json' with { type: 'json' }
import { openApi } from '../../src/http/openapi.ts'

const again = 'record them anew: RECORD=1 npx vitest run infra/e2e/test/examples.test.ts'

type Media = { example?: unknown; examples?: Record<string, { $ref: string }> }
type Content = { content?: Record<string, Media> }
type Operation = { operationId: string; requestBody?: Content; responses: Record<string, Content> }
type Described = {
  paths: Record<string, Record<string, Operation>>
  components: { examples: Record<string, { value: unknown }> }
}
const { paths, components } = openApi('') as unknown as Described
const operations = Object.values(paths).flatMap((methods) => Object.values(methods))

describe('examples of the description', () => {
  it('are there for each route that there is, and for no other', () => {
    expect(Object.keys(recorded).sort(), again).toEqual(Object.keys(routes).sort())
  })

  it.each(Object.entries<Route>(routes))('of %s fit what the gateway takes and gives', (name, { body, reply }) => {
    const { requestBody, responses } = operations.find(({ operationId }) => operationId === name)!
    const [answered] = Object.values(responses['200']?.content ?? {})
    expect(reply.safeParse(answered?.example).error, again).toBeUndefined()
    const asked = requestBody?.content?.['application/json']?.example
    if (body === null) expect(asked).toBeUndefined()
    else expect(body.safeParse(asked).error, again).toBeUndefined()
  })

  it('of refusals are the problems that are sent', () => {
    for (const { responses } of operations)
      for (const [status, { content }] of Object.entries(responses)) {
        const shown = Object.entries(content?.['application/problem+json']?.examples ?? {})
        if (Number(status) >= 400) expect(shown.length).toBeGreaterThan(0)
        for (const [code, { $ref }] of shown) {
          const { value } = components.examples[$ref.split('/').at(-1)!]!
          expect(Problem.parse(value)).toMatchObject({ code, status: Number(status) })
          expect(refusals[code as RefusalCode].status).toBe(Number(status))
        }
      }
  })
})
