import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { hostMethods } from '../src/ceremonies/host-methods.ts'
import { bytesMessage } from '../src/contents/bytes.ts'
import { Item } from '../src/wire/content.ts'
import { ReplyBodyFrame, RequestBodyFrame } from '../src/wire/host.ts'
import { Init, Registration } from '../src/wire/keygen.ts'
import { Problem } from '../src/wire/problem.ts'
import { routes } from '../src/wire/routes/table.ts'
import { Approval } from '../src/wire/consent.ts'

/** Every schema of texts below this one, with the way to it. */
function textsOf(schema: z.core.$ZodType, at: string, seen = new Set<unknown>()): [string, z.ZodMiniString][] {
  if (schema instanceof z.ZodMiniString) return [[at, schema]]
  if (seen.has(schema)) return []
  seen.add(schema)
  const below = Object.entries(schema._zod.def).flatMap(([name, part]) => partsOf(part, `${at}.${name}`))
  return below.flatMap(([name, part]) => textsOf(part, name, seen))
}

/** What a part of a definition holds: a schema, or schemas in an array, an object or behind a getter. */
function partsOf(part: unknown, at: string): [string, z.core.$ZodType][] {
  if (part instanceof z.core.$ZodType) return [[at, part]]
  if (typeof part !== 'object' || part === null) return []
  return Object.entries(part).flatMap(([name, one]): [string, z.core.$ZodType][] =>
    one instanceof z.core.$ZodType ? [[`${at}.${name}`, one]] : [],
  )
}

const messages: Record<string, z.core.$ZodType | null> = {
  item: Item,
  problem: Problem,
  requestFrame: RequestBodyFrame,
  replyFrame: ReplyBodyFrame,
  init: Init,
  registration: Registration,
}
for (const [name, { params, query, body, reply }] of Object.entries(routes))
  for (const [part, schema] of Object.entries({ params, query, body, reply })) messages[`${name} ${part}`] = schema
for (const [name, { params, result }] of Object.entries(hostMethods))
  for (const [part, schema] of Object.entries({ params, result })) messages[`${name} ${part}`] = schema

const halves = ['\uD83E', '\uDDE1', 'a\uD83Eb', '\uDDE1\uD83E']

describe('a text with half a surrogate pair', () => {
  it('fits no text of any message', () => {
    const texts = Object.entries(messages).flatMap(([name, schema]) => (schema ? textsOf(schema, name) : []))
    for (const [at, schema] of texts)
      for (const half of halves)
        expect(schema.safeParse(half).success, `${at} takes ${JSON.stringify(half)}`).toBe(false)
    const found = texts.map(([at]) => at).join('\n')
    for (const known of ['reason', 'content', 'tags', 'gateway', 'title']) expect(found).toContain(known)
  })

  it.each(halves)('is neither content nor reason: %j', (half) => {
    const event = { created_at: 1, kind: 1, tags: [['t', 'x']], content: 'x' }
    const item = (changed: object) => ({
      content: { type: 'nostr-event', event: Object.assign({}, event, changed) },
      mode: { kind: 'plain' },
    })
    expect(Item.safeParse(item({})).success).toBe(true)
    expect(Item.safeParse(item({ content: half })).success).toBe(false)
    expect(Item.safeParse(item({ tags: [['t', half]] })).success).toBe(false)
    expect(Approval.shape.body.shape.reason.safeParse(half).success).toBe(false)
    expect(() => bytesMessage(half)).toThrow('content')
  })
})
