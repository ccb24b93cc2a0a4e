import { Refusal, refusals, type RefusalCode } from '@quorate/shared/errors'
import * as schemes from '@quorate/shared/schemes/table'
import * as bunker from '@quorate/shared/wire/bunker'
import * as consent from '@quorate/shared/wire/consent'
import * as ids from '@quorate/shared/wire/ids'
import * as identity from '@quorate/shared/wire/identity'
import * as keygen from '@quorate/shared/wire/keygen'
import * as problem from '@quorate/shared/wire/problem'
import * as refresh from '@quorate/shared/wire/refresh'
import * as bunkerRoutes from '@quorate/shared/wire/routes/bunker'
import * as enclaveRoutes from '@quorate/shared/wire/routes/enclaves'
import * as keygenRoutes from '@quorate/shared/wire/routes/keygen'
import * as manifestRoutes from '@quorate/shared/wire/routes/manifest'
import * as refreshRoutes from '@quorate/shared/wire/routes/refresh'
import type { Route } from '@quorate/shared/wire/routes/route'
import * as sessionRoutes from '@quorate/shared/wire/routes/sessions'
import * as signingRoutes from '@quorate/shared/wire/routes/signing'
import * as togetherRoutes from '@quorate/shared/wire/routes/together'
import { routes } from '@quorate/shared/wire/routes/table'
import { RequestId } from '@quorate/shared/wire/request-id'
import * as signing from '@quorate/shared/wire/signing'
import * as status from '@quorate/shared/wire/status'
import * as z from 'zod'
import recorded from './examples.json' with { type: 'json' }
import { describeRoute, parameterWords, tagOf, tags } from './openapi-words.ts'
import { toProblem } from './problem.ts'

type Json = Record<string, unknown>

/** The schemas that the description names: each by the name of its export. A schema that no file exports stays inline. */
const named = z.registry<{ id: string }>()
const messages = [schemes, ids, identity, bunker, consent, keygen, refresh, signing, problem, status]
const bodies = [
  sessionRoutes,
  keygenRoutes,
  signingRoutes,
  togetherRoutes,
  refreshRoutes,
  bunkerRoutes,
  enclaveRoutes,
  manifestRoutes,
]
for (const room of [...messages, ...bodies])
  for (const [id, schema] of Object.entries(room)) if (schema instanceof z.core.$ZodType) named.add(schema, { id })

/** What was said on each route in a run of a real fleet, with long strings cut (`infra/e2e/test/examples.test.ts` records it). */
const examples: Readonly<Record<string, Readonly<{ body?: unknown; reply?: unknown }> | undefined>> = recorded

/** Said of every route besides its own refusals. */
const always: readonly RefusalCode[] = ['request.invalid', 'request.rate_limited', 'gateway.draining', 'internal']
const ofBodies: readonly RefusalCode[] = [
  'request.too_large',
  'request.unsupported_media',
  'request.idempotency_conflict',
]

/** The problem of a refusal, as it is sent when nothing else is known. */
const problemOf = (code: RefusalCode): unknown => JSON.parse(toProblem(new Refusal(code)).body)

/** OpenAPI 3.1 of the route table. `server` is the URL that the paths start from. */
export function openApi(server: string): Json {
  const schemas: Json = {}
  const paths: Record<string, Json> = {}
  const said = new Set(Object.values<Route>(routes).flatMap(codesOf))
  for (const [name, route] of Object.entries<Route>(routes))
    paths[route.path] = { ...paths[route.path], [route.method]: operation(name, route, schemas) }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Quorate',
      version: '1',
      description: 'Threshold signing over enclaves. Every refusal is a problem (RFC 9457) whose code is in /docs.',
      license: { name: 'Apache-2.0 OR MIT', identifier: 'Apache-2.0 OR MIT' },
    },
    servers: [{ url: server }],
    tags,
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1))),
      examples: Object.fromEntries([...said].sort().map((code) => [code, { value: problemOf(code) }])),
      headers: {
        RequestId: {
          description:
            'By which the operator finds the request in log and audit: that of a proxy in front, or a fresh one',
          schema: schemaOf(RequestId, 'output', schemas),
        },
      },
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'From POST /sessions; read-only' } },
    },
  }
}

function operation(name: string, route: Route, schemas: Json): Json {
  const reply = schemaOf(route.reply, 'output', schemas)
  const said = examples[name]
  const media = route.events ? 'text/event-stream' : 'application/json'
  return {
    operationId: name,
    tags: [tagOf(name)],
    summary: route.summary,
    description: describeRoute(route),
    security: route.wants === 'reader' ? [{ token: [] }] : [],
    parameters: [
      ...parameters('path', route.params, schemas),
      ...parameters('query', route.query, schemas),
      ...(route.body ? [idempotencyKey] : []),
    ],
    ...(route.body && {
      requestBody: {
        required: true,
        content: { 'application/json': { schema: schemaOf(route.body, 'input', schemas), example: said?.body } },
      },
    }),
    responses: {
      200: {
        description: route.summary,
        headers: answerHeaders,
        content: { [media]: { schema: reply, example: said?.reply } },
      },
      ...(route.events && {
        204: { description: 'The last event has been sent: do not come back', headers: answerHeaders },
      }),
      ...problems(route, schemas),
    },
  }
}

const answerHeaders = { 'x-request-id': { $ref: '#/components/headers/RequestId' } }

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'Same key and body, same answer; same key and another body, 409',
  schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,128}$' },
}

const codesOf = (route: Route): readonly RefusalCode[] => [
  ...route.errors,
  ...(route.wants === 'reader' ? (['request.unauthorized'] as const) : []),
  ...(route.body ? ofBodies : []),
  ...always,
]

function problems(route: Route, schemas: Json): Json {
  const codes = codesOf(route)
  const schema = schemaOf(problem.Problem, 'output', schemas)
  const responses: Json = {}
  for (const status of new Set(codes.map((code) => refusals[code].status))) {
    const said = [...new Set(codes.filter((code) => refusals[code].status === status))]
    const shown = Object.fromEntries(said.map((code) => [code, { $ref: `#/components/examples/${code}` }]))
    responses[status] = {
      description: said.join(', '),
      headers: answerHeaders,
      content: { 'application/problem+json': { schema, examples: shown } },
    }
  }
  return responses
}

function parameters(place: 'path' | 'query', schema: z.core.$ZodType, schemas: Json): Json[] {
  const shape = schema instanceof z.core.$ZodObject ? schema._zod.def.shape : {}
  return Object.entries(shape).map(([name, part]) => ({
    name,
    in: place,
    description: parameterWords[name],
    required: !z.safeParse(part, undefined).success,
    schema: schemaOf(part, 'input', schemas),
  }))
}

/** JSON Schema of one schema; the named ones among its parts go to `schemas` and are referred to. */
function schemaOf(schema: z.core.$ZodType, io: 'input' | 'output', schemas: Json): Json {
  const made = z.toJSONSchema(schema, {
    io,
    metadata: named,
    unrepresentable: 'any',
    // What a schema says of itself with `meta`, for those whose form cannot be told from their code.
    override: ({ zodSchema, jsonSchema }) => {
      Object.assign(jsonSchema, z.globalRegistry.get(zodSchema))
      // A union that has one member so far is that member.
      const [only, ...others] = jsonSchema.oneOf ?? [null, null]
      if (others.length > 0 || only === undefined || only === null || typeof only === 'boolean') return
      delete jsonSchema.oneOf
      Object.assign(jsonSchema, only)
    },
  })
  const whole = JSON.parse(JSON.stringify(made).replaceAll('"#/$defs/', '"#/components/schemas/')) as Json
  const parts = (whole['$defs'] ?? {}) as Json
  delete whole['$schema']
  delete whole['$defs']
  for (const [name, part] of Object.entries(parts)) schemas[name] ??= part
  const id = named.get(schema)?.id
  if (id === undefined) return whole
  schemas[id] ??= whole
  return { $ref: `#/components/schemas/${id}` }
}
