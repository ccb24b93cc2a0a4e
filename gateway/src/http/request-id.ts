import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { RequestId } from '@quorate/shared/wire/request-id'
import type { RequestHandler } from 'express'
import { beginCause } from '../engine/cause.ts'

const HEADER = 'x-request-id'

/** Names the answer by the id that came with the request, where it is one, or else by a fresh one. Gives it. */
export function nameAnswer(request: IncomingMessage, response: ServerResponse): string {
  const given = RequestId.safeParse(request.headers[HEADER])
  const id = given.success ? given.data : randomUUID()
  response.setHeader(HEADER, id)
  return id
}

/** The id of the request that this answers. */
export const requestIdOf = (response: ServerResponse): string | undefined => response.getHeader(HEADER)?.toString()

/** Names each answer, and whatever is logged and written down before it has been given. */
export const identify: RequestHandler = (request, response, next) => {
  response.once('close', beginCause(nameAnswer(request, response), next))
}

/** A problem that names the request, also where the same problem was an answer before. */
export const withRequestId = (problem: string, response: ServerResponse): string => {
  const id = requestIdOf(response)
  return id === undefined ? problem : `${problem.slice(0, -1)},"requestId":${JSON.stringify(id)}}`
}
